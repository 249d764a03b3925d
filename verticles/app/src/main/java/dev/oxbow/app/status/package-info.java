/** What a running Splicer does, for people and for scripts. */
@NullMarked
package dev.oxbow.app.status;

import org.jspecify.annotations.NullMarked;
