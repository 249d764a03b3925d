/**
 * A second Fish with the same addresses and ports: what this one needs of it, and what it is told.
 * Who is the partner and how it is reached is another module's matter.
 */
@NullMarked
package dev.oxbow.fish.partner;

import org.jspecify.annotations.NullMarked;
