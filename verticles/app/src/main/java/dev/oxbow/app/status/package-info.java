/** What running services do, for people and for scripts. */
@NullMarked
package dev.oxbow.app.status;

import org.jspecify.annotations.NullMarked;
