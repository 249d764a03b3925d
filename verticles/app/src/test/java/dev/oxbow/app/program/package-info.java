/** Tests of the program cache and of the commands that start a process. */
@NullMarked
package dev.oxbow.app.program;

import org.jspecify.annotations.NullMarked;
