package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.descriptor.Descriptor;

/**
 * A TCP connection of a tunnel whose handshake is done. Whoever is told owns the socket.
 *
 * @param id names it among all connections of the plane, also after a hand-over
 * @param socket connected, non-blocking, close-on-exec; its own addresses are of the namespace and
 *     mean nothing outside
 * @param client address and port of the client as in its packets: {@code 10.0.0.2:40000}, {@code
 *     [2001:db8::1]:443}
 * @param destination address and port that the client connected to
 */
public record AcceptedConnection(long id, Descriptor socket, String client, String destination) {}
