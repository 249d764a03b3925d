package dev.oxbow.codecs.ip;

/** Why a packet cannot be used. The names are those of counters of dropped packets. */
public enum Defect {

  /** Shorter than its headers, or than they say. */
  TRUNCATED("truncated"),

  /** Neither IPv4 nor IPv6. */
  BAD_VERSION("bad-version"),

  /** A length, an option or an order of headers that no sender may write. */
  BAD_HEADER("bad-header"),

  /** The checksum of the IPv4 header, or that of the transport, is wrong. */
  BAD_CHECKSUM("bad-checksum"),

  /** Has a route of its own still before it: refused by RFC 7126 and RFC 5095. */
  SOURCE_ROUTE("source-route"),

  /** A fragment that fits no datagram: empty, not in units of 8 bytes, or beyond 65,535. */
  BAD_FRAGMENT("bad-fragment"),

  /** A fragment that overlaps another of its datagram: RFC 5722, and for IPv4 the same. */
  FRAGMENT_OVERLAP("fragment-overlap"),

  /** A fragment for which there is no room. */
  FRAGMENT_LIMIT("fragment-limit"),

  /** A fragment whose datagram did not become complete in time. */
  FRAGMENT_TIMEOUT("fragment-timeout"),

  /** A struct virtio_net_hdr that does not fit its packet. */
  BAD_OFFLOAD("bad-offload"),

  /** Larger than where it goes, and not to be cut. */
  TOO_BIG("too-big");

  private final String wireName;

  Defect(String wireName) {
    this.wireName = wireName;
  }

  /** The reason as it stands in counters. */
  public String wireName() {
    return wireName;
  }

  @Override
  public String toString() {
    return wireName;
  }
}
