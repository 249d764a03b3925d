/** Tests of what goes from one process to another. */
@NullMarked
package dev.oxbow.handoff.cargo;

import org.jspecify.annotations.NullMarked;
