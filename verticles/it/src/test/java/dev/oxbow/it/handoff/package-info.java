/** Upgrades of real processes under load: what is promised of them, and what they must survive. */
@NullMarked
package dev.oxbow.it.handoff;

import org.jspecify.annotations.NullMarked;
