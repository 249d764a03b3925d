/** Tests of counted work. */
@NullMarked
package dev.oxbow.handoff.task;

import org.jspecify.annotations.NullMarked;
