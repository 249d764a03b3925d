/**
 * What every Oxbow service is made of, whatever it does with the descriptors that it is given.
 *
 * <p>A service has one control socket ({@code control}): SOCK_SEQPACKET, one JSON message a packet,
 * descriptors attached. Connections are accepted from allowed peers only; their requests are
 * answered in order, each by an operation of the service. A connection that does not read its
 * answers is not read from.
 *
 * <p>What a service has to tell later goes as an event into the mailbox ({@code mailbox}) that the
 * peer's uid and app name, and from there to the app's newest connection, or to its next one. What
 * nobody takes in time is closed and counted.
 *
 * <p>All that a uid holds is counted in its account ({@code quota}) and bounded: connections,
 * descriptors, work, mailbox. Descriptors that came from outside are closed on a thread of that
 * account's, because closing can block (a FUSE file, a lingering socket) and must then hold up
 * nobody else.
 *
 * <p>All of it runs on one event loop, the service's control loop; nothing here is synchronized but
 * that thread's queue. {@code client} is the other end of the socket, for Java programs. {@code
 * runtime} is the process around it: directory, lock, pid file.
 *
 * <p>Not done here: anything that knows what a service does. A service brings its operations and
 * its counters, and owns its work.
 */
@NullMarked
package dev.oxbow.service;

import org.jspecify.annotations.NullMarked;
