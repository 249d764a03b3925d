/** What the documentation says, held to what is so: examples run, links lead somewhere. */
@NullMarked
package dev.oxbow.it.docs;

import org.jspecify.annotations.NullMarked;
