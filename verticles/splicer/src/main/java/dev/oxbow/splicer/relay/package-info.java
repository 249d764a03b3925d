/**
 * The data plane: bytes from one socket to another, and the ledger that says how far they got. It
 * knows descriptors, pipes and an event loop; no JSON, no clients, no Vert.x.
 *
 * <p>A relay is two equal sides and two {@link dev.oxbow.splicer.relay.Direction}s. A direction
 * moves bytes socket to pipe to socket by splice(2), or, while messages are small, by recv(2) and
 * send(2) through one buffer of the loop; what the receiver does not take goes into a pipe before
 * the turn ends, so that between turns every byte is in a kernel object. Pipes are pooled and
 * numbered, and a direction holds one only while bytes are in it. Everything that changes about a
 * relay is in its {@link dev.oxbow.splicer.relay.RelayRecord}, in a memfd. Sockets, pipes and
 * records are all that another process needs to go on.
 *
 * <p>Descriptors are registered edge-triggered, once; what is wanted of them changes only when a
 * destination is blocked. A turn works until the sockets say EAGAIN or its budget is used up; then
 * the relay queues behind the others of its loop. After small messages the loop looks for more for
 * a moment before it sleeps, {@link dev.oxbow.service.work.BusyPoll}.
 *
 * <p>Callers hold copies of the sockets and share their O_NONBLOCK flag. Those of other users are
 * therefore served with MSG_DONTWAIT only, and a {@link dev.oxbow.splicer.relay.Watchdog} frees a
 * loop that hangs in a splice because somebody cleared the flag.
 */
@NullMarked
package dev.oxbow.splicer.relay;

import org.jspecify.annotations.NullMarked;
