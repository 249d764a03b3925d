/** Tests of flows. */
@NullMarked
package dev.oxbow.service.flow;

import org.jspecify.annotations.NullMarked;
