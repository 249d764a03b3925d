/** The services in the foreground, from configuration to orderly stop. */
@NullMarked
package dev.oxbow.app.run;

import org.jspecify.annotations.NullMarked;
