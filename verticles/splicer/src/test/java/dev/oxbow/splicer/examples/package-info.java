/** Programs that show how to use a Splicer; the README quotes them. */
@NullMarked
package dev.oxbow.splicer.examples;

import org.jspecify.annotations.NullMarked;
