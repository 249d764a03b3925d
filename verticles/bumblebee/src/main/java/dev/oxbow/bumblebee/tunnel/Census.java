package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.netlink.NetlinkReader;
import dev.oxbow.codecs.netlink.NetlinkWriter;
import dev.oxbow.codecs.netlink.SocketMessages;
import dev.oxbow.codecs.netlink.SocketReader;
import dev.oxbow.fdpassing.device.NetlinkExchange;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import java.nio.ByteBuffer;

/**
 * Asks the kernel about its TCP sockets in the namespace, sock_diag(7), and ends them. Thread of
 * the namespace only.
 */
final class Census implements AutoCloseable {
  private static final int TIMEOUT_MS = 5_000;
  private static final int BUFFER_BYTES = 1 << 20;
  private static final int EVENTS_BYTES = 4 << 20;

  /** A dump that something came in between of is asked for again so often. */
  private static final int TRIES = 8;

  private final NetlinkSocket socket;
  private final NetlinkExchange exchange;
  private final SocketReader reader = new SocketReader();

  private Census(NetlinkSocket socket) {
    this.socket = socket;
    this.exchange = new NetlinkExchange(socket, TIMEOUT_MS);
  }

  /** Told of a socket that is not a listener. */
  @FunctionalInterface
  interface Visitor {

    /**
     * A socket, by its client's end in the namespace.
     *
     * @param version 4 or 6
     * @param low half of the address of the pool
     */
    void socket(int version, long low, int port);
  }

  /** Opens it in the namespace of the calling thread. */
  static Census open() {
    return new Census(NetlinkSocket.open(NetlinkSocket.NETLINK_SOCK_DIAG, BUFFER_BYTES));
  }

  /** A socket that is told of each TCP socket that is gone; the caller owns it. */
  static NetlinkSocket events() {
    NetlinkSocket events = NetlinkSocket.open(NetlinkSocket.NETLINK_SOCK_DIAG, EVENTS_BYTES);
    try {
      events.join(SocketMessages.SKNLGRP_INET_TCP_DESTROY);
      events.join(SocketMessages.SKNLGRP_INET6_TCP_DESTROY);
      return events;
    } catch (RuntimeException e) {
      events.close();
      throw e;
    }
  }

  /** Reads an event or an answer. */
  static void read(NetlinkReader message, SocketReader reader, Visitor visitor) {
    reader.read(message);
    boolean six = reader.family() == Sockets.AF_INET6;
    long first = reader.remoteWord(0) & 0xffff_ffffL;
    long low =
        six
            ? (long) reader.remoteWord(2) << 32 | (reader.remoteWord(3) & 0xffff_ffffL)
            : PacketView.V4_LOW | first;
    if (reader.localPort() == Pool.LISTENER_PORT && reader.remotePort() != 0) {
      visitor.socket(six ? 6 : 4, low, reader.remotePort());
    }
  }

  /** Tells of all sockets, in whatever state; of some perhaps twice. */
  void take(Visitor visitor) {
    for (int family : new int[] {Sockets.AF_INET, Sockets.AF_INET6}) {
      int errno = Errno.EINTR;
      for (int i = 0; errno == Errno.EINTR && i < TRIES; i++) {
        SocketMessages.dump(
            new NetlinkWriter(exchange.request()),
            family,
            Sockets.IPPROTO_TCP,
            SocketMessages.ALL_STATES & ~(1 << SocketMessages.TCP_LISTEN));
        errno = exchange.perform(message -> visit(message, visitor));
      }
      if (errno != 0) {
        throw new LinuxException("sock_diag", errno);
      }
    }
  }

  private void visit(ByteBuffer message, Visitor visitor) {
    NetlinkReader messages = new NetlinkReader().over(message);
    if (messages.next() && messages.type() == SocketMessages.SOCK_DIAG_BY_FAMILY) {
      read(messages, reader, visitor);
    }
  }

  /**
   * Ends a connection at once, as if it had been reset (SOCK_DESTROY).
   *
   * @return false when there is no such socket any more, or only its TIME_WAIT, which some kernels
   *     do not end and which sends nothing by itself
   * @throws LinuxException EOPNOTSUPP when the kernel was built without it
   */
  boolean destroy(int version, long high, long low, int port) {
    int family = version == 6 ? Sockets.AF_INET6 : Sockets.AF_INET;
    byte[] local = Pool.bytes(version, Pool.listenerHigh(version), Pool.listenerLow(version));
    byte[] remote = Pool.bytes(version, high, low);
    NetlinkWriter find = new NetlinkWriter(exchange.request());
    SocketMessages.find(find, family, local, Pool.LISTENER_PORT, remote, port);
    long[] cookie = new long[1];
    int[] state = new int[1];
    if (!found(exchange.perform(message -> identify(message, cookie, state))) || cookie[0] == 0) {
      return false;
    }
    NetlinkWriter end = new NetlinkWriter(exchange.request());
    SocketMessages.destroy(end, family, local, Pool.LISTENER_PORT, remote, port, cookie[0]);
    int errno = exchange.perform(message -> {});
    boolean passed = errno == Errno.EOPNOTSUPP && state[0] == SocketMessages.TCP_TIME_WAIT;
    return !passed && found(errno);
  }

  /** The cookie and state of a connection, and of no listener. */
  private void identify(ByteBuffer message, long[] cookie, int[] state) {
    NetlinkReader messages = new NetlinkReader().over(message);
    if (messages.next()
        && messages.type() == SocketMessages.SOCK_DIAG_BY_FAMILY
        && reader.read(messages).state() != SocketMessages.TCP_LISTEN) {
      cookie[0] = reader.cookie();
      state[0] = reader.state();
    }
  }

  private static boolean found(int errno) {
    if (errno != 0 && errno != Errno.ENOENT) {
      throw new LinuxException("SOCK_DESTROY", errno);
    }
    return errno == 0;
  }

  @Override
  public void close() {
    socket.close();
  }
}
