/** Partners of a Fish: what Fish relies on, of those that lend. */
@NullMarked
package dev.oxbow.pair;

import org.jspecify.annotations.NullMarked;
