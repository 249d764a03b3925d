/** What a service hands over, and what it must be able to do for that. */
@NullMarked
package dev.oxbow.handoff.cargo;

import org.jspecify.annotations.NullMarked;
