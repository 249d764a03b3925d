package dev.oxbow.bumblebee.tunnel;

/**
 * Why a packet went no further. The order is that of the counters in the ledger: add at the end,
 * never change.
 */
public enum DropReason {
  /** Neither TCP nor an ICMP error about TCP. */
  NOT_TCP("not-tcp"),
  /** No IP packet, or one whose lengths contradict one another. */
  MALFORMED("malformed"),
  /** Longer than a message of this flow may be. */
  TOO_LONG("too-long"),
  /** A segment of no known connection; it was answered by a RST unless it was one. */
  UNKNOWN("unknown-connection"),
  /** A SYN beyond the number of connections that there is room for. */
  CONNECTION_LIMIT("connection-limit"),
  /** A SYN of a tunnel that has too many handshakes under way. */
  HANDSHAKE_LIMIT("handshake-limit"),
  /** An ICMP error about no known connection. */
  ICMP("icmp-unrelated"),
  /** A fragment whose others did not come in time, that overlaps another, or beyond the limit. */
  FRAGMENT("fragment"),
  /** The flow refused it, other than for being full. */
  FLOW("flow-refused"),
  /** The kernel's side refused it. */
  KERNEL("kernel-refused"),
  /** From the kernel, of a connection that is over here. */
  STALE("stale");

  private final String wireName;

  DropReason(String wireName) {
    this.wireName = wireName;
  }

  /** The reason as it stands in messages. */
  public String wireName() {
    return wireName;
  }
}
