/** Tests of what a check finds. */
@NullMarked
package dev.oxbow.app.check;

import org.jspecify.annotations.NullMarked;
