/** Tests of the origin that the demo brings along. */
@NullMarked
package dev.oxbow.app.demo.origin;

import org.jspecify.annotations.NullMarked;
