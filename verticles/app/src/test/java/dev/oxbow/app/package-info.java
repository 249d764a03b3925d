/** Tests of the command line as a whole. */
@NullMarked
package dev.oxbow.app;

import org.jspecify.annotations.NullMarked;
