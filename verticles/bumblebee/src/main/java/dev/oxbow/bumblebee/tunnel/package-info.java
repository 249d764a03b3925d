/**
 * The data plane: packets from flows to the tuns of a network namespace and back, and the table
 * that says which addresses stand for which. It knows descriptors, packets and an event loop; no
 * JSON, no clients.
 */
@NullMarked
package dev.oxbow.bumblebee.tunnel;

import org.jspecify.annotations.NullMarked;
