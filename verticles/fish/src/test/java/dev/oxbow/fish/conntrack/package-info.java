/** Tests of the package of the same name. */
@NullMarked
package dev.oxbow.fish.conntrack;

import org.jspecify.annotations.NullMarked;
