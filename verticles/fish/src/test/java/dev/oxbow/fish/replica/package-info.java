/** Tests of the package of the same name. */
@NullMarked
package dev.oxbow.fish.replica;

import org.jspecify.annotations.NullMarked;
