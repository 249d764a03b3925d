/** The program as a real process: its start, its copy of the jar, its service manager, its end. */
@NullMarked
package dev.oxbow.it.process;

import org.jspecify.annotations.NullMarked;
