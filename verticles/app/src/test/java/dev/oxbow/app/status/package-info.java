/** Tests of how a status looks. */
@NullMarked
package dev.oxbow.app.status;

import org.jspecify.annotations.NullMarked;
