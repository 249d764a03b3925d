/**
 * The program as a file and as a command line. A process that serves must survive the replacement
 * of its jar, by rename or by writing over it, although Java reads classes late: so it runs from a
 * private copy, {@code <cache>/<sha256>/oxbow.jar}, with an archive of its classes beside it that
 * makes the next start fast. The first JVM of a start only makes the copy and becomes the second
 * one by execve(2), which keeps the pid. What it becomes remembers the original jar, because that
 * is where the next version will be.
 */
@NullMarked
package dev.oxbow.app.program;

import org.jspecify.annotations.NullMarked;
