/** Frames by Hazelcast: the only place that knows of it. */
@NullMarked
package dev.oxbow.pair.hazelcast;

import org.jspecify.annotations.NullMarked;
