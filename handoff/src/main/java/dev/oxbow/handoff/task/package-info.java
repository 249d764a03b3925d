/** Work that is counted, so that others can wait for its end. */
@NullMarked
package dev.oxbow.handoff.task;

import org.jspecify.annotations.NullMarked;
