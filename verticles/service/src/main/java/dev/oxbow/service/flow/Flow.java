package dev.oxbow.service.flow;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Processes;
import dev.oxbow.fdpassing.libc.Sockets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a descriptor of unknown origin turned out to be: one that carries an IP packet per message.
 * Nothing about it was changed to find that out.
 *
 * @param kind what it is
 * @param fd its number
 * @param cookie names its socket, whatever descriptor leads to it; 0 for a tun
 */
public record Flow(FlowKind kind, int fd, long cookie) {
  private static final int FAMILY_BYTES = 2;

  /** Of a tun, in its fdinfo (drivers/net/tun.c, tun_chr_show_fdinfo). */
  private static final String INTERFACE = "iff:\t";

  /**
   * Examines a descriptor. Only questions that never wait for whoever made it are asked: a FUSE
   * file could hang on ioctl(2), so that a tun is known by its fdinfo first.
   *
   * @param name what the caller calls it
   * @param directory of our control sockets: a connection to one of them is no flow
   * @throws RequestException {@code bad-descriptors} saying what is wrong with it
   */
  public static Flow examine(String name, int fd, Path directory) {
    int type = Sockets.tryOption(fd, Sockets.SOL_SOCKET, Sockets.SO_TYPE);
    if (type < 0 && type != -Errno.ENOTSOCK) {
      throw refused(name, "unusable: " + Errno.text(-type));
    }
    return type < 0 ? tun(name, fd) : socket(name, fd, type, directory);
  }

  private static Flow socket(String name, int fd, int type, Path directory) {
    if (Sockets.option(fd, Sockets.SOL_SOCKET, Sockets.SO_DOMAIN) != Sockets.AF_UNIX) {
      throw refused(name, "a socket that is not AF_UNIX");
    }
    if (type != Sockets.SOCK_SEQPACKET && type != Sockets.SOCK_DGRAM) {
      throw refused(name, "an AF_UNIX socket without message boundaries; SOCK_SEQPACKET is right");
    }
    if (Sockets.option(fd, Sockets.SOL_SOCKET, Sockets.SO_ACCEPTCONN) != 0) {
      throw refused(name, "listens; a connected socket is needed");
    }
    FlowKind kind = type == Sockets.SOCK_SEQPACKET ? FlowKind.SEQPACKET : FlowKind.DGRAM;
    if (isControl(peer(name, fd), directory) || isControl(Sockets.localAddress(fd), directory)) {
      throw refused(name, "a control connection of this service; it carries no packets");
    }
    return new Flow(kind, fd, Sockets.cookie(fd));
  }

  private static byte[] peer(String name, int fd) {
    try {
      return Sockets.peerAddress(fd);
    } catch (LinuxException e) {
      boolean unconnected = e.errno() == Errno.ENOTCONN || e.errno() == Errno.EINVAL;
      throw refused(name, unconnected ? "not connected" : String.valueOf(e.getMessage()));
    }
  }

  /** A control socket is bound to another name in its directory before it gets its own. */
  private static boolean isControl(byte[] sockaddr, Path directory) {
    int end = FAMILY_BYTES;
    while (end < sockaddr.length && sockaddr[end] != 0) {
      end++;
    }
    String path = new String(sockaddr, FAMILY_BYTES, end - FAMILY_BYTES, StandardCharsets.UTF_8);
    String prefix = directory + "/";
    return path.startsWith(prefix) && path.indexOf('/', prefix.length()) < 0;
  }

  private static Flow tun(String name, int fd) {
    if (!hasInterface(fd)) {
      throw refused(name, "neither a packet socket nor a tun");
    }
    int flags = Tun.flags(fd);
    if (flags == -Errno.EBADFD) {
      throw refused(name, "a tun that has no device yet (TUNSETIFF)");
    }
    if (flags < 0) {
      throw refused(name, "unusable as a tun: " + Errno.text(-flags));
    }
    if ((flags & Tun.IFF_TUN) == 0) {
      throw refused(name, "a tap; it carries Ethernet frames, not IP packets");
    }
    // TUNGETIFF says IFF_NOFILTER, the same bit, of every tun without a filter of packets: so only
    // its
    // absence tells anything. A tun with packet information gives no packet that is well-formed.
    if ((flags & Tun.IFF_NO_PI) == 0) {
      throw refused(name, "a tun with packet information; make it with IFF_NO_PI");
    }
    if ((flags & Tun.IFF_VNET_HDR) == 0) {
      return new Flow(FlowKind.TUN, fd, 0);
    }
    int header = Tun.vnetHdrBytes(fd);
    if (header != Tun.VNET_HDR_BYTES) {
      throw refused(
          name,
          "a tun with a virtio_net_hdr of "
              + header
              + " bytes (TUNSETVNETHDRSZ); expected "
              + Tun.VNET_HDR_BYTES);
    }
    return new Flow(FlowKind.TUN_VNET, fd, 0);
  }

  private static boolean hasInterface(int fd) {
    try {
      return Files.readAllLines(Path.of("/proc/self/fdinfo", Integer.toString(fd))).stream()
          .anyMatch(line -> line.startsWith(INTERFACE));
    } catch (IOException e) {
      throw new IllegalStateException("/proc is needed: " + e, e);
    }
  }

  /** Describes it to another process, which gets its descriptor. */
  public void write(MessageWriter out) {
    out.number("flow", kind.code()).number("cookie", cookie);
  }

  /**
   * One that another process has described.
   *
   * @param descriptor stays the caller's
   * @throws RequestException naming what is missing or out of range
   * @throws IllegalArgumentException for a kind that this version does not know
   */
  public static Flow read(Message record, Descriptor descriptor) {
    return new Flow(
        FlowKind.of((byte) record.integer("flow", 0, Byte.MAX_VALUE)),
        descriptor.fd(),
        record.integer("cookie", 0, Long.MAX_VALUE));
  }

  /** Whether both lead to the same socket, or to the same opening of a tun. */
  public boolean same(Flow other) {
    if (kind.isSocket()) {
      return cookie == other.cookie;
    }
    return !other.kind.isSocket() && Processes.sameOpenFile(fd, other.fd);
  }

  private static RequestException refused(String name, String why) {
    return RequestException.badDescriptor(name, why);
  }
}
