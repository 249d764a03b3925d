/** Tests of the package of the same name. */
@NullMarked
package dev.oxbow.fish.network;

import org.jspecify.annotations.NullMarked;
