/**
 * The program: commands around the services, one package each, and the fat jar.
 *
 * <p>{@link dev.oxbow.app.Oxbow} is the only class that every invocation loads, together with the
 * command classes, which name no type of Vert.x in any signature: so {@code --help} and {@code
 * --version} answer at once. What a command does stands in a class of its own beside it.
 *
 * <p>Results go to standard output, log lines and refusals to standard error.
 */
@NullMarked
package dev.oxbow.app;

import org.jspecify.annotations.NullMarked;
