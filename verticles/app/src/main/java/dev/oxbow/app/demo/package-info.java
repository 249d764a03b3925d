/**
 * A demonstration that checks itself: a service, a forwarder, an origin and clients in network
 * namespaces of their own, a forwarder that is killed in the middle, and a table of what held.
 *
 * <p>{@link dev.oxbow.app.demo.Demo} is the whole play, {@code Stage} what it is played on, {@code
 * Scenario} what happens, {@code Verdict} what must have held. Everything that is claimed is read
 * from outside of Splicer: hashes that clients and origin took, counters of the clients' sockets,
 * lines of the forwarders, descriptors in /proc.
 */
@NullMarked
package dev.oxbow.app.demo;

import org.jspecify.annotations.NullMarked;
