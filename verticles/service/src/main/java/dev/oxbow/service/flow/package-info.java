/** Flows: descriptors that carry IP packets, given by callers of whom nothing is known. */
@NullMarked
package dev.oxbow.service.flow;

import org.jspecify.annotations.NullMarked;
