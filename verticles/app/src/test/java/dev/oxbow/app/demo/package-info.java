/** Tests of the demo's parts; the demo itself is one. */
@NullMarked
package dev.oxbow.app.demo;

import org.jspecify.annotations.NullMarked;
