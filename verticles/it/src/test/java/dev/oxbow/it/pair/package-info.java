/** Two Fish with the same addresses, each in a process and a namespace of its own. */
@NullMarked
package dev.oxbow.it.pair;

import org.jspecify.annotations.NullMarked;
