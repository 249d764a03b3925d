/** Whether configuration and machine have what Oxbow needs, and how to get what is missing. */
@NullMarked
package dev.oxbow.app.check;

import org.jspecify.annotations.NullMarked;
