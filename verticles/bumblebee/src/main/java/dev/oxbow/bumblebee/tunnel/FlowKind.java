package dev.oxbow.bumblebee.tunnel;

import static dev.oxbow.fdpassing.libc.Sockets.AF_UNIX;
import static dev.oxbow.fdpassing.libc.Sockets.SOCK_DGRAM;
import static dev.oxbow.fdpassing.libc.Sockets.SOCK_SEQPACKET;
import static dev.oxbow.fdpassing.libc.Sockets.SOL_SOCKET;

import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;

/**
 * Descriptors that keep message boundaries and can carry IP packets. The codes are those of the
 * ledger: add, never change.
 */
public enum FlowKind {
  /** AF_UNIX, SOCK_SEQPACKET, connected: has an end of stream. */
  SEQPACKET(1),
  /** AF_UNIX, SOCK_DGRAM, connected. */
  DGRAM(2),
  /** A tun without packet information, one packet at a time. */
  TUN(3),
  /** A tun whose packets begin with a struct virtio_net_hdr. */
  TUN_VNET(4);

  private final int code;

  FlowKind(int code) {
    this.code = code;
  }

  /** The kind as it stands in the ledger. */
  int code() {
    return code;
  }

  /**
   * The kind of a code.
   *
   * @throws IllegalArgumentException for one that this version does not know
   */
  static FlowKind of(byte code) {
    for (FlowKind kind : values()) {
      if (kind.code == code) {
        return kind;
      }
    }
    throw new IllegalArgumentException("a flow of kind " + code);
  }

  /** Whether it is a socket. */
  public boolean isSocket() {
    return this == SEQPACKET || this == DGRAM;
  }

  /**
   * The kind of a descriptor. Any thread; does not block.
   *
   * @throws IllegalArgumentException saying what it is instead
   */
  public static FlowKind of(int fd) {
    int type = Sockets.tryOption(fd, SOL_SOCKET, Sockets.SO_TYPE);
    return type < 0 ? tun(fd) : socket(fd, type);
  }

  private static FlowKind socket(int fd, int type) {
    if (Sockets.tryOption(fd, SOL_SOCKET, Sockets.SO_DOMAIN) != AF_UNIX) {
      throw new IllegalArgumentException("a socket that is not AF_UNIX");
    }
    if (type != SOCK_SEQPACKET && type != SOCK_DGRAM) {
      throw new IllegalArgumentException("an AF_UNIX socket without message boundaries");
    }
    try {
      Sockets.peerAddress(fd);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOTCONN) {
        throw new IllegalArgumentException("a socket that is not connected", e);
      }
      throw e;
    }
    return type == SOCK_SEQPACKET ? SEQPACKET : DGRAM;
  }

  private static FlowKind tun(int fd) {
    int flags = Tun.flags(fd);
    if (flags < 0) {
      throw new IllegalArgumentException("neither a packet socket nor a tun");
    }
    if ((flags & Tun.IFF_TUN) == 0) {
      throw new IllegalArgumentException("a tap, not a tun");
    }
    if ((flags & Tun.IFF_NO_PI) == 0) {
      throw new IllegalArgumentException("a tun with packet information (without IFF_NO_PI)");
    }
    return (flags & Tun.IFF_VNET_HDR) == 0 ? TUN : TUN_VNET;
  }
}
