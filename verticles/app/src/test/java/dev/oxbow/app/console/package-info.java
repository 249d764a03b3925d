/** Tests of what commands share. */
@NullMarked
package dev.oxbow.app.console;

import org.jspecify.annotations.NullMarked;
