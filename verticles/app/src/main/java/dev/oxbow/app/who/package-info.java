/** Who had a port of a shared address at a time, from the log of Fish. */
@NullMarked
package dev.oxbow.app.who;

import org.jspecify.annotations.NullMarked;
