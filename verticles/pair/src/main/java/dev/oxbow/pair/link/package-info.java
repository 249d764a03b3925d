/**
 * The way to the partner: messages in order over whatever carries frames, with a partner at the
 * other end that was looked at before anything was believed.
 */
@NullMarked
package dev.oxbow.pair.link;

import org.jspecify.annotations.NullMarked;
