/** The link to the partner over members of a real cluster. */
@NullMarked
package dev.oxbow.pair.hazelcast;

import org.jspecify.annotations.NullMarked;
