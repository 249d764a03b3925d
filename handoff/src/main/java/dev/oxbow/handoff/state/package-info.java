/**
 * Tables of fixed records in a memfd or a file, with a header that tells their layout and its
 * version.
 */
@NullMarked
package dev.oxbow.handoff.state;

import org.jspecify.annotations.NullMarked;
