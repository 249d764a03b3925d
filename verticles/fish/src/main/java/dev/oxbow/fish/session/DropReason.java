package dev.oxbow.fish.session;

import dev.oxbow.service.flow.Drop;

/** Why a packet went no further. The codes are those of the ledger: add, never change. */
public enum DropReason implements Drop {
  /** No IP packet, or one whose lengths contradict one another. */
  MALFORMED(0, "malformed"),
  /** Neither TCP, UDP, an ICMP echo nor an ICMP error; or not from one host to one. */
  PROTOCOL(1, "protocol"),
  /** The session has no address of this version; the sender was told. */
  NO_ADDRESS(2, "no-address"),
  /** No port was left toward its destination; the sender was told. */
  EXHAUSTED(3, "exhausted"),
  /** Of no connection that is known; a TCP segment was answered by a RST. */
  UNKNOWN(4, "unknown-connection"),
  /**
   * No room for another connection or client: here, or in the kernel (nf_conntrack_max); the sender
   * was told.
   */
  TABLE_FULL(5, "table-full"),
  /** The five-tuple of its connection belongs to somebody else by now. */
  TAKEN(6, "taken"),
  /** A fragment whose others did not come in time, that overlaps another, or beyond the limit. */
  FRAGMENT(7, "fragment"),
  /** Longer than a message of this flow may be; the sender was told, where it may be. */
  TOO_LONG(8, "too-long"),
  /** The flow had no room for it. */
  FLOW_FULL(9, "flow-full"),
  /** The flow refused it, other than for being full. */
  FLOW(10, "flow-refused"),
  /** The kernel refused it. */
  KERNEL(11, "kernel-refused"),
  /** The session, or its uid, has as many connections as it may; the sender was told. */
  FLOW_QUOTA(12, "flow-quota"),
  /** The session, or its uid, began as many in this second as it may; the sender was told. */
  FLOW_RATE(13, "flow-rate"),
  /** The partner, that has lent the port of its connection, may use that by now. */
  LOAN_OVER(14, "loan-over");

  private static final DropReason[] BY_CODE = values();

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

  /** The reason of a code. */
  static DropReason of(int code) {
    return BY_CODE[code];
  }

  @Override
  public String wireName() {
    return wireName;
  }
}
