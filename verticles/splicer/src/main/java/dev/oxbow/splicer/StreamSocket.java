package dev.oxbow.splicer;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * What a descriptor of unknown origin turned out to be: a connected stream socket.
 *
 * @param cookie names the socket, whatever descriptor leads to it
 * @param tcp or else AF_UNIX
 * @param local struct sockaddr of its own
 * @param peer struct sockaddr of its peer
 */
record StreamSocket(long cookie, boolean tcp, byte[] local, byte[] peer) {

  /**
   * Examines a descriptor. Only questions that never block are asked, and the first of them proves
   * that it is a socket; a FUSE file, for one, could hang on others.
   *
   * @param name what the caller calls it
   * @throws RequestException {@code bad-descriptors} saying what is wrong with it
   */
  static StreamSocket examine(String name, int fd) {
    int type = Sockets.tryOption(fd, Sockets.SOL_SOCKET, Sockets.SO_TYPE);
    if (type < 0) {
      boolean socket = -type != Errno.ENOTSOCK;
      throw refused(name, socket ? "unusable: " + Errno.text(-type) : "not a socket");
    }
    if (type != Sockets.SOCK_STREAM) {
      throw refused(name, "not a stream socket");
    }
    int domain = Sockets.option(fd, Sockets.SOL_SOCKET, Sockets.SO_DOMAIN);
    boolean inet = domain == Sockets.AF_INET || domain == Sockets.AF_INET6;
    int protocol = Sockets.option(fd, Sockets.SOL_SOCKET, Sockets.SO_PROTOCOL);
    if (inet ? protocol != Sockets.IPPROTO_TCP : domain != Sockets.AF_UNIX) {
      throw refused(name, "neither TCP nor AF_UNIX");
    }
    if (Sockets.option(fd, Sockets.SOL_SOCKET, Sockets.SO_ACCEPTCONN) != 0) {
      throw refused(name, "listens; a connected socket is needed");
    }
    String upper = inet ? Sockets.upperLayer(fd) : "";
    if (!upper.isEmpty()) {
      throw refused(name, "has the upper-layer protocol " + upper + " (kTLS cannot be relayed)");
    }
    try {
      byte[] peer = Sockets.peerAddress(fd);
      return new StreamSocket(Sockets.cookie(fd), inet, Sockets.localAddress(fd), peer);
    } catch (LinuxException e) {
      boolean unconnected = e.errno() == Errno.ENOTCONN || e.errno() == Errno.EINVAL;
      throw refused(name, unconnected ? "not connected" : String.valueOf(e.getMessage()));
    }
  }

  /** Its own address as text, or null for AF_UNIX. */
  @Nullable String localText() {
    return SocketAddresses.text(local);
  }

  /** Its peer's address as text, or null for AF_UNIX. */
  @Nullable String peerText() {
    return SocketAddresses.text(peer);
  }

  /** Its addresses, for another process. */
  void export(String name, MessageWriter out) {
    HexFormat hex = HexFormat.of();
    out.object(name)
        .flag("tcp", tcp)
        .string("local", hex.formatHex(local))
        .string("peer", hex.formatHex(peer))
        .end();
  }

  /** A socket that another process has examined. */
  static StreamSocket restore(Message record, int fd) {
    HexFormat hex = HexFormat.of();
    return new StreamSocket(
        Sockets.cookie(fd),
        record.flag("tcp", false),
        hex.parseHex(record.string("local")),
        hex.parseHex(record.string("peer")));
  }

  private static RequestException refused(String name, String why) {
    return RequestException.badDescriptor(name, why);
  }
}
