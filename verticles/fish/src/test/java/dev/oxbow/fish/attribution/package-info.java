/** Tests of who had which ports when. */
@NullMarked
package dev.oxbow.fish.attribution;

import org.jspecify.annotations.NullMarked;
