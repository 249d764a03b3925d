package dev.oxbow.codecs.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One direction of a connection as conntrack sees it (CTA_TUPLE_ORIG, CTA_TUPLE_REPLY). Filled in
 * again and again. Addresses are two longs, those of IPv4 as IPv6 maps them (::ffff:a.b.c.d).
 */
public final class ConntrackTuple {
  private static final int CTA_TUPLE_IP = 1;
  private static final int CTA_TUPLE_PROTO = 2;
  private static final int CTA_IP_V4_SRC = 1;
  private static final int CTA_IP_V4_DST = 2;
  private static final int CTA_IP_V6_SRC = 3;
  private static final int CTA_IP_V6_DST = 4;
  private static final int CTA_PROTO_NUM = 1;
  private static final int CTA_PROTO_SRC_PORT = 2;
  private static final int CTA_PROTO_DST_PORT = 3;
  private static final int CTA_PROTO_ICMP_ID = 4;
  private static final int CTA_PROTO_ICMP_TYPE = 5;
  private static final int CTA_PROTO_ICMP_CODE = 6;
  private static final int CTA_PROTO_ICMPV6_ID = 7;
  private static final int CTA_PROTO_ICMPV6_TYPE = 8;
  private static final int CTA_PROTO_ICMPV6_CODE = 9;
  private static final int IPPROTO_ICMP = 1;
  private static final int IPPROTO_ICMPV6 = 58;
  private static final int ECHO_REPLY_4 = 0;
  private static final int ECHO_REQUEST_4 = 8;
  private static final int ECHO_REQUEST_6 = 128;
  private static final int ECHO_REPLY_6 = 129;
  private static final long V4_LOW = 0xffff_0000_0000L;

  private final Attributes inner = new Attributes();
  private int version;
  private int protocol;
  private long sourceHigh;
  private long sourceLow;
  private long destinationHigh;
  private long destinationLow;
  private int sourcePort;
  private int destinationPort;
  private int icmpType;
  private int icmpCode;

  /** The source. */
  public ConntrackTuple source(long high, long low, int port) {
    sourceHigh = high;
    sourceLow = low;
    sourcePort = port;
    return this;
  }

  /** The destination. */
  public ConntrackTuple destination(long high, long low, int port) {
    destinationHigh = high;
    destinationLow = low;
    destinationPort = port;
    return this;
  }

  /**
   * What it is a tuple of.
   *
   * @param version 4 or 6
   * @param protocol IPPROTO_TCP and so on. For ICMP it is the direction of the echo request; the
   *     source port is the echo's id, the destination port is not looked at
   */
  public ConntrackTuple of(int version, int protocol) {
    this.version = version;
    this.protocol = protocol;
    icmpType = version == 4 ? ECHO_REQUEST_4 : ECHO_REQUEST_6;
    icmpCode = 0;
    return this;
  }

  /** Makes this the other direction of another tuple, without any translation. */
  public ConntrackTuple inverseOf(ConntrackTuple other) {
    of(other.version, other.protocol);
    boolean icmp = isIcmp();
    source(
        other.destinationHigh,
        other.destinationLow,
        icmp ? other.sourcePort : other.destinationPort);
    destination(other.sourceHigh, other.sourceLow, icmp ? other.destinationPort : other.sourcePort);
    icmpType =
        switch (other.icmpType) {
          case ECHO_REQUEST_4 -> ECHO_REPLY_4;
          case ECHO_REQUEST_6 -> ECHO_REPLY_6;
          default -> other.icmpType;
        };
    icmpCode = other.icmpCode;
    return this;
  }

  /** 4 or 6; 0 when nothing was read. */
  public int version() {
    return version;
  }

  /** IPPROTO_TCP and so on. */
  public int protocol() {
    return protocol;
  }

  public long sourceHigh() {
    return sourceHigh;
  }

  public long sourceLow() {
    return sourceLow;
  }

  public long destinationHigh() {
    return destinationHigh;
  }

  public long destinationLow() {
    return destinationLow;
  }

  /** For ICMP the id of the echo. */
  public int sourcePort() {
    return sourcePort;
  }

  /** For ICMP 0. */
  public int destinationPort() {
    return destinationPort;
  }

  /** Whether it is ICMP or ICMPv6, so that it has an id instead of ports. */
  public boolean isIcmp() {
    return protocol == (version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  }

  /** AF_INET or AF_INET6. */
  int family() {
    return version == 4 ? RouteMessages.AF_INET : RouteMessages.AF_INET6;
  }

  void write(NetlinkWriter out, int type) {
    int tuple = out.nest(type);
    int ip = out.nest(CTA_TUPLE_IP);
    if (version == 4) {
      out.be32(CTA_IP_V4_SRC, (int) sourceLow).be32(CTA_IP_V4_DST, (int) destinationLow);
    } else {
      out.address6(CTA_IP_V6_SRC, sourceHigh, sourceLow);
      out.address6(CTA_IP_V6_DST, destinationHigh, destinationLow);
    }
    out.endNest(ip);
    int proto = out.nest(CTA_TUPLE_PROTO);
    out.u8(CTA_PROTO_NUM, protocol);
    if (!isIcmp()) {
      out.be16(CTA_PROTO_SRC_PORT, sourcePort).be16(CTA_PROTO_DST_PORT, destinationPort);
    } else if (version == 4) {
      out.be16(CTA_PROTO_ICMP_ID, sourcePort);
      out.u8(CTA_PROTO_ICMP_TYPE, icmpType).u8(CTA_PROTO_ICMP_CODE, icmpCode);
    } else {
      out.be16(CTA_PROTO_ICMPV6_ID, sourcePort);
      out.u8(CTA_PROTO_ICMPV6_TYPE, icmpType).u8(CTA_PROTO_ICMPV6_CODE, icmpCode);
    }
    out.endNest(proto).endNest(tuple);
  }

  /** Forgets what was read. */
  void clear() {
    of(0, 0).source(0, 0, 0).destination(0, 0, 0);
  }

  /** Reads the value of CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. */
  void read(ByteBuffer in, Attributes tuple) {
    clear();
    while (tuple.next()) {
      switch (tuple.type()) {
        case CTA_TUPLE_IP -> addresses(in, tuple.nested(inner));
        case CTA_TUPLE_PROTO -> transport(tuple.nested(inner));
        default -> {
          // A zone, which this project does not use.
        }
      }
    }
  }

  private void addresses(ByteBuffer in, Attributes ip) {
    while (ip.next()) {
      switch (ip.type()) {
        case CTA_IP_V4_SRC -> source(0, V4_LOW | (ip.be32() & 0xffff_ffffL), sourcePort);
        case CTA_IP_V4_DST -> destination(0, V4_LOW | (ip.be32() & 0xffff_ffffL), destinationPort);
        case CTA_IP_V6_SRC -> source(half(in, ip, 0), half(in, ip, 8), sourcePort);
        case CTA_IP_V6_DST -> destination(half(in, ip, 0), half(in, ip, 8), destinationPort);
        default -> {
          // Nothing else is defined.
        }
      }
      version = ip.type() < CTA_IP_V6_SRC ? 4 : 6;
    }
  }

  private static long half(ByteBuffer in, Attributes address, int at) {
    if (address.length() != 16) {
      throw new NetlinkException("IPv6 address of " + address.length() + " bytes");
    }
    long half = in.getLong(address.offset() + at);
    return in.order() == ByteOrder.BIG_ENDIAN ? half : Long.reverseBytes(half);
  }

  private void transport(Attributes proto) {
    while (proto.next()) {
      switch (proto.type()) {
        case CTA_PROTO_NUM -> protocol = proto.u8();
        case CTA_PROTO_SRC_PORT, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMPV6_ID ->
            sourcePort = proto.be16();
        case CTA_PROTO_DST_PORT -> destinationPort = proto.be16();
        case CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMPV6_TYPE -> icmpType = proto.u8();
        case CTA_PROTO_ICMP_CODE, CTA_PROTO_ICMPV6_CODE -> icmpCode = proto.u8();
        default -> {
          // Nothing else is defined.
        }
      }
    }
  }
}
