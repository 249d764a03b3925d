/**
 * Connections of one Fish, told to another: what has changed goes out in chunks, and is kept there
 * in a table of its own, for the day when it is to go on there.
 */
@NullMarked
package dev.oxbow.fish.replica;

import org.jspecify.annotations.NullMarked;
