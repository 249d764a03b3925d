package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.service.flow.Drop;

/** Why a packet went no further. The codes are those of the ledger: add, never change. */
public enum DropReason implements Drop {
  /** Neither TCP nor an ICMP error about TCP. */
  NOT_TCP(0, "not-tcp"),
  /** No IP packet, or one whose lengths contradict one another. */
  MALFORMED(1, "malformed"),
  /** Longer than a message of this flow may be. */
  TOO_LONG(2, "too-long"),
  /** A segment of no known connection; it was answered by a RST unless it was one. */
  UNKNOWN(3, "unknown-connection"),
  /** A SYN beyond the number of connections that there is room for. */
  CONNECTION_LIMIT(4, "connection-limit"),
  /** A SYN of a tunnel that has too many handshakes under way. */
  HANDSHAKE_LIMIT(5, "handshake-limit"),
  /** An ICMP error about no known connection. */
  ICMP(6, "icmp-unrelated"),
  /** A fragment whose others did not come in time, that overlaps another, or beyond the limit. */
  FRAGMENT(7, "fragment"),
  /** The flow refused it, other than for being full. */
  FLOW(8, "flow-refused"),
  /** The kernel's side refused it. */
  KERNEL(9, "kernel-refused"),
  /** From the kernel, of a connection that is over here. */
  STALE(10, "stale"),
  /** IPv6 of a flow whose MTU is below 1280. */
  NO_IPV6(11, "no-ipv6");

  private final int code;
  private final String wireName;

  DropReason(int code, String wireName) {
    this.code = code;
    this.wireName = wireName;
  }

  @Override
  public int code() {
    return code;
  }

  @Override
  public String wireName() {
    return wireName;
  }
}
