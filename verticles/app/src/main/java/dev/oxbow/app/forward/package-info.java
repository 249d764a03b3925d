/**
 * A TCP forwarder that never touches a byte: it accepts, connects, and leaves the rest to a Splicer
 * through its public API. Accepting and connecting work on plain descriptors, so that nothing has
 * to be taken out of a pipeline again.
 */
@NullMarked
package dev.oxbow.app.forward;

import org.jspecify.annotations.NullMarked;
