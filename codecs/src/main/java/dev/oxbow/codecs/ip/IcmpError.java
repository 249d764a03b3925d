package dev.oxbow.codecs.ip;

import java.nio.ByteBuffer;

/**
 * What a router or a host tells the sender of a packet that it cannot take further: RFC 792, RFC
 * 1191 and RFC 1812 for IPv4, RFC 4443 for IPv6. How often it does so is the caller's matter.
 */
public enum IcmpError {

  /** "Fragmentation needed and DF set", "packet too big": the only ones with an MTU. */
  TOO_BIG(3, 4, 2, 0),

  /** Host unreachable, address unreachable. */
  HOST_UNREACHABLE(3, 1, 1, 3),

  /** Nobody takes this port, or this protocol, there. */
  PORT_UNREACHABLE(3, 3, 1, 4),

  /** A rule is against it. */
  PROHIBITED(3, 13, 1, 1),

  /** Time to live or hop limit exceeded in transit. */
  TIME_EXCEEDED(11, 0, 3, 0),

  /** Fragments of it did not arrive in time. */
  REASSEMBLY_TIME_EXCEEDED(11, 1, 3, 1);

  /** Longest error, headers included: RFC 1812 4.3.2.3. */
  static final int MAX_BYTES_4 = 576;

  /** Longest error, headers included: RFC 4443 2.4 (c). */
  static final int MAX_BYTES_6 = 1280;

  /** Bytes that an error takes at most. */
  public static final int MAX_BYTES = MAX_BYTES_6;

  private static final int UNREACHABLE_4 = 3;
  private static final int SOURCE_QUENCH_4 = 4;
  private static final int REDIRECT_4 = 5;
  private static final int TIME_EXCEEDED_4 = 11;
  private static final int PARAMETER_PROBLEM_4 = 12;
  private static final int INFORMATIONAL_6 = 128;
  private static final int REDIRECT_6 = 137;

  private final int type4;
  private final int code4;
  private final int type6;
  private final int code6;

  IcmpError(int type4, int code4, int type6, int code6) {
    this.type4 = type4;
    this.code4 = code4;
    this.type6 = type6;
    this.code6 = code6;
  }

  /** Whether an ICMP message quotes a packet that went wrong. */
  static boolean isError(int version, int type) {
    return version == 6
        ? type < INFORMATIONAL_6
        : type == UNREACHABLE_4
            || type == SOURCE_QUENCH_4
            || type == TIME_EXCEEDED_4
            || type == PARAMETER_PROBLEM_4;
  }

  /** Whether a packet is this error. */
  public boolean is(PacketView packet) {
    boolean four = packet.version() == 4;
    return packet.isIcmp()
        && packet.icmpType() == (four ? type4 : type6)
        && packet.icmpCode() == (four ? code4 : code6);
  }

  /** MTU that {@link #TOO_BIG} tells; 0 from routers older than RFC 1191. */
  public static int mtu(PacketView error) {
    return error.version() == 4
        ? Bytes.u16(error.memory(), error.transport() + 6)
        : Bytes.u32(error.memory(), error.transport() + 4);
  }

  /**
   * Writes the error about a packet.
   *
   * @param about what cannot go on; must not lie where the error is written
   * @param mtu of the way on, for {@link #TOO_BIG}, else 0
   * @param high of the address that the error comes from
   * @param low of the address that the error comes from
   * @param to where {@link #MAX_BYTES} are free
   * @return the length of the error, or 0: errors, later fragments and what was not sent from one
   *     host to one are never answered (RFC 1122 3.2.2, RFC 4443 2.4 (e))
   */
  public int write(PacketView about, int mtu, long high, long low, ByteBuffer to, int at) {
    if (!mayAnswer(about)) {
      return 0;
    }
    boolean four = about.version() == 4;
    int headers = (four ? PacketView.IPV4_BYTES : PacketView.IPV6_BYTES) + PacketView.ICMP_BYTES;
    int quote = Math.min(about.length(), (four ? MAX_BYTES_4 : MAX_BYTES_6) - headers);
    int length = PacketView.ICMP_BYTES + quote;
    int protocol = four ? IpProtocol.ICMP : IpProtocol.ICMPV6;
    int icmp = IpAnswer.write(about, high, low, protocol, length, to, at);
    Bytes.put16(to, icmp, four ? type4 << 8 | code4 : type6 << 8 | code6);
    Bytes.put16(to, icmp + 2, 0);
    Bytes.put32(to, icmp + 4, mtu);
    to.put(icmp + PacketView.ICMP_BYTES, about.memory(), about.start(), quote);
    int checksum = IpAnswer.checksum(about.version(), protocol, to, at, icmp, length);
    Bytes.put16(to, icmp + 2, checksum);
    return icmp + length - at;
  }

  private boolean mayAnswer(PacketView about) {
    if (about.fragmentOffset() != 0 || !senderIsOne(about)) {
      return false;
    }
    if (!about.isIcmp()) {
      return true;
    }
    int type = about.icmpType();
    int redirect = about.version() == 4 ? REDIRECT_4 : REDIRECT_6;
    return type != redirect && !isError(about.version(), type);
  }

  /** "Packet too big" answers multicast too: RFC 4443 2.4 (e.3). */
  private boolean senderIsOne(PacketView about) {
    return (this == TOO_BIG && about.version() == 6)
        ? PacketView.isUnicast(about.sourceHigh(), about.sourceLow())
        : about.unicast();
  }
}
