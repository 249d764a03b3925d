package dev.oxbow.service.flow;

import dev.oxbow.fdpassing.libc.Errno;

/**
 * Descriptors that keep message boundaries and can carry IP packets. The codes are those of
 * ledgers: add, never change.
 */
public enum FlowKind {
  /** AF_UNIX, SOCK_SEQPACKET, connected: has an end of stream. */
  SEQPACKET(1),
  /** AF_UNIX, SOCK_DGRAM, connected. */
  DGRAM(2),
  /** A tun without packet information, one packet at a time. */
  TUN(3),
  /** A tun whose packets begin with a struct virtio_net_hdr of 10 bytes. */
  TUN_VNET(4);

  private final int code;

  FlowKind(int code) {
    this.code = code;
  }

  /** The kind as it stands in a ledger. */
  public int code() {
    return code;
  }

  /**
   * The kind of a code.
   *
   * @throws IllegalArgumentException for one that this version does not know
   */
  public static FlowKind of(byte code) {
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

  /** Whether a failure of it means that nobody is at the other end any more. */
  public boolean isEnd(int errno) {
    return isSocket()
        && (errno == Errno.EPIPE
            || errno == Errno.ECONNRESET
            || errno == Errno.ECONNREFUSED
            || errno == Errno.ENOTCONN);
  }

  /** Whether a failure is one of this packet and not of the flow. */
  public static boolean ofPacket(int errno) {
    return errno == Errno.EMSGSIZE
        || errno == Errno.EINVAL
        || errno == Errno.EIO
        || errno == Errno.ENOBUFS
        || errno == Errno.ENOMEM;
  }
}
