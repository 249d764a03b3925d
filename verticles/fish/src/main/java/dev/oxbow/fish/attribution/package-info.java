/**
 * Who had which ports when: an append-only log of blocks of ports, and what reads it. The event
 * loop counts and hands over what has changed; a thread of the log's own writes.
 */
@NullMarked
package dev.oxbow.fish.attribution;

import org.jspecify.annotations.NullMarked;
