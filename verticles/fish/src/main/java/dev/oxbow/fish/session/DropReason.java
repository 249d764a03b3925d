package dev.oxbow.fish.session;

/** Why a packet went no further. */
public enum DropReason {
  /** No IP packet, or one whose lengths contradict one another. */
  MALFORMED("malformed"),
  /** Neither TCP, UDP, an ICMP echo nor an ICMP error; or not from one host to one. */
  PROTOCOL("protocol"),
  /** The session has no address of this version. */
  NO_ADDRESS("no-address"),
  /** No port was left toward its destination. */
  EXHAUSTED("exhausted"),
  /** Of no connection that is known; a TCP segment was answered by a RST. */
  UNKNOWN("unknown-connection"),
  /** No room for another connection or client: here, or in the kernel (nf_conntrack_max). */
  TABLE_FULL("table-full"),
  /** The five-tuple of its connection belongs to somebody else by now. */
  TAKEN("taken"),
  /** A fragment whose others did not come in time, that overlaps another, or beyond the limit. */
  FRAGMENT("fragment"),
  /** Longer than a message of this flow may be; the sender was told, where it may be. */
  TOO_LONG("too-long"),
  /** The flow had no room for it. */
  FLOW_FULL("flow-full"),
  /** The flow refused it, other than for being full. */
  FLOW("flow-refused"),
  /** The kernel refused it. */
  KERNEL("kernel-refused");

  private final String wireName;

  DropReason(String wireName) {
    this.wireName = wireName;
  }

  /** The reason as it stands in messages. */
  public String wireName() {
    return wireName;
  }
}
