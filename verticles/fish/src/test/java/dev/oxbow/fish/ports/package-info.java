/** Tests of the package of the same name. */
@NullMarked
package dev.oxbow.fish.ports;

import org.jspecify.annotations.NullMarked;
