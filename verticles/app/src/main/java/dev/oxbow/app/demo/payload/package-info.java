/** Bytes that can be made again from a seed, and their hashes. */
@NullMarked
package dev.oxbow.app.demo.payload;

import org.jspecify.annotations.NullMarked;
