/** Fish as its callers see it. */
@NullMarked
package dev.oxbow.fish;

import org.jspecify.annotations.NullMarked;
