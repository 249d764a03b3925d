/** Tests of payloads. */
@NullMarked
package dev.oxbow.app.demo.payload;

import org.jspecify.annotations.NullMarked;
