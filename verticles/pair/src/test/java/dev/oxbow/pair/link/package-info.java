/** The link to the partner over wires that tests cut. */
@NullMarked
package dev.oxbow.pair.link;

import org.jspecify.annotations.NullMarked;
