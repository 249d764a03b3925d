/**
 * The upgrade itself: the stages, the two loops that walk them, and what either does when the other
 * dies, hangs or does not understand.
 */
@NullMarked
package dev.oxbow.handoff.upgrade;

import org.jspecify.annotations.NullMarked;
