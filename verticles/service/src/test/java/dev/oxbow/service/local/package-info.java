/** Tests of the client of an embedded service. */
@NullMarked
package dev.oxbow.service.local;

import org.jspecify.annotations.NullMarked;
