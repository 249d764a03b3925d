package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.NetSockets;
import dev.oxbow.fdpassing.libc.Sockets;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;

/**
 * A TCP connection that was found in a flow, as a socket of the kernel's. Whoever gets it owns the
 * socket: reads and writes it, hands it to a Splicer, or turns the client away with {@link
 * #reset()}. The client has its SYN-ACK already.
 *
 * @param id names the connection
 * @param tunnel the tunnel that it came through
 * @param client its address and port as in its packets, such as {@code 10.0.0.2:40000} or {@code
 *     [2001:db8::1]:443}; what the socket itself says is an address inside of Bumblebee
 * @param destination the address and port that it wanted, likewise
 * @param metadata of the tunnel, as given
 * @param socket connected, non-blocking
 */
public record TunnelConnection(
    String id,
    String tunnel,
    String client,
    String destination,
    RawJson metadata,
    Descriptor socket)
    implements AutoCloseable {

  /** Where the client wanted to go. */
  public SocketAddress destinationAddress() {
    return address(destination);
  }

  /** Where the client is. */
  public SocketAddress clientAddress() {
    return address(client);
  }

  private static SocketAddress address(String text) {
    int colon = text.lastIndexOf(':');
    String host = text.substring(0, colon);
    String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    return SocketAddress.inetSocketAddress(Integer.parseInt(text.substring(colon + 1)), bare);
  }

  /**
   * The connection as a socket of Vert.x, which owns it from here on; set its handlers in the
   * callback of the future, as {@link NetSockets#give} says.
   *
   * @param context whose event loop and thread will serve it
   */
  public Future<NetSocket> netSocket(Context context) {
    return NetSockets.give(context, socket);
  }

  /** Ends it with a RST: its client is refused, as by a destination that does not listen. */
  public void reset() {
    if (socket.isOpen()) {
      Sockets.linger(socket.fd(), true);
      socket.close();
    }
  }

  /** Closes the socket unless it was released. */
  @Override
  public void close() {
    socket.close();
  }
}
