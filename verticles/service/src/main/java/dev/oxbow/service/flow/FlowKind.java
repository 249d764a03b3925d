package dev.oxbow.service.flow;

/** Descriptors that keep message boundaries and can carry IP packets. */
public enum FlowKind {
  /** AF_UNIX, SOCK_SEQPACKET, connected: has an end of stream. */
  SEQPACKET,
  /** AF_UNIX, SOCK_DGRAM, connected. */
  DGRAM,
  /** A tun without packet information, one packet at a time. */
  TUN,
  /** A tun whose packets begin with a struct virtio_net_hdr of 10 bytes. */
  TUN_VNET;

  /** Whether it is a socket. */
  public boolean isSocket() {
    return this == SEQPACKET || this == DGRAM;
  }
}
