/**
 * A service in its caller's own Vert.x: both sides of the event bus between them, on which objects
 * are passed as they are.
 */
@NullMarked
package dev.oxbow.service.local;

import org.jspecify.annotations.NullMarked;
