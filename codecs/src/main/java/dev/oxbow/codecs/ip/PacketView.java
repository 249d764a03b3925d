package dev.oxbow.codecs.ip;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One IP packet where it lies in memory: set on it by {@link #parse}, read and rewritten in place,
 * and set on the next one. All positions are absolute in the buffer.
 *
 * <pre>
 *  start                     transport               payload            end
 *    | IP, options | extensions  | TCP, UDP, ICMP | ...      ...           |  padding
 *    |<------ headerLength ----->|
 *    |<--------------------------- length ------------------------------->|
 * </pre>
 *
 * What {@link #parse} accepts is safe to read by every method here. Addresses come as two longs,
 * those of IPv4 as IPv6 maps them (::ffff:a.b.c.d), so that one key serves both.
 */
public final class PacketView {

  /** High half of every IPv4 address. */
  public static final long V4_HIGH = 0;

  /** Low half of an IPv4 address, without the address. */
  public static final long V4_LOW = 0xffff_0000_0000L;

  /** Smallest header of IPv4, in bytes. */
  public static final int IPV4_BYTES = 20;

  /** Header of IPv6, in bytes. */
  public static final int IPV6_BYTES = 40;

  static final int UDP_BYTES = 8;
  static final int ICMP_BYTES = 8;

  ByteBuffer memory = ByteBuffer.allocate(0);
  int start;
  int end;
  int version;
  int protocol;
  int transport;
  int fragmentOffset;
  boolean moreFragments;
  int fragmentHeader;
  int fragmentPointer;
  boolean authenticated;
  private int payload;
  private boolean partial;

  /**
   * Sets the view on a packet and checks its headers, all but the checksum of the transport.
   *
   * @param memory kept until the next call
   * @param start position of its first byte
   * @param length bytes there; those beyond the packet's own length are left out
   * @return what is wrong with it, or null; after anything else than null nothing may be read
   */
  public @Nullable Defect parse(ByteBuffer memory, int start, int length) {
    return parse(memory, start, length, false);
  }

  private @Nullable Defect parse(ByteBuffer memory, int start, int length, boolean quoted) {
    this.memory = memory;
    this.start = start;
    this.partial = false;
    this.fragmentOffset = 0;
    this.moreFragments = false;
    this.fragmentHeader = -1;
    this.authenticated = false;
    if (length < 1) {
      return Defect.TRUNCATED;
    }
    version = Bytes.u8(memory, start) >> 4;
    if (version != 4 && version != 6) {
      return Defect.BAD_VERSION;
    }
    Defect defect =
        version == 4
            ? IpHeaders.parse4(this, length, quoted)
            : IpHeaders.parse6(this, length, quoted);
    return defect == null ? parseTransport(quoted) : defect;
  }

  private @Nullable Defect parseTransport(boolean quoted) {
    payload = transport;
    if (isFragment()) {
      return quoted ? null : checkFragment();
    }
    int length = end - transport;
    switch (protocol) {
      case IpProtocol.TCP -> {
        if (length < (quoted ? 8 : TcpHeader.BYTES)) {
          return Defect.TRUNCATED;
        }
        int header = length < TcpHeader.BYTES ? length : TcpHeader.length(this);
        if (header < TcpHeader.BYTES && !quoted) {
          return Defect.BAD_HEADER;
        }
        if (header > length && !quoted) {
          return Defect.TRUNCATED;
        }
        payload = transport + Math.min(header, length);
      }
      case IpProtocol.UDP -> {
        if (length < UDP_BYTES) {
          return Defect.TRUNCATED;
        }
        int told = Bytes.u16(memory, transport + 4);
        if (told < UDP_BYTES) {
          return Defect.BAD_HEADER;
        }
        if (told > length && !quoted) {
          return Defect.TRUNCATED;
        }
        payload = transport + UDP_BYTES;
      }
      case IpProtocol.ICMP, IpProtocol.ICMPV6 -> {
        if (length < ICMP_BYTES) {
          return Defect.TRUNCATED;
        }
        payload = transport + ICMP_BYTES;
      }
      default -> {}
    }
    return null;
  }

  private @Nullable Defect checkFragment() {
    int data = end - transport;
    int headers = version == 4 ? transport - start : fragmentHeader - start - IPV6_BYTES;
    boolean fits = headers + fragmentOffset + data <= 0xffff;
    boolean whole = data > 0 && (!moreFragments || data % 8 == 0);
    return fits && whole ? null : Defect.BAD_FRAGMENT;
  }

  /**
   * Sets another view on the packet that this ICMP error is about. It may be cut; its TCP or UDP
   * header has at least 8 bytes, unless it is a fragment.
   *
   * @return what is wrong with it, or null
   */
  public @Nullable Defect quoted(PacketView quoted) {
    return quoted.parse(memory, payload, end - payload, true);
  }

  /** The buffer that the packet lies in. */
  public ByteBuffer memory() {
    return memory;
  }

  /** Position of the IP header. */
  public int start() {
    return start;
  }

  /** Position after the last byte. */
  public int end() {
    return end;
  }

  /** Bytes from start to end. */
  public int length() {
    return end - start;
  }

  /** 4 or 6. */
  public int version() {
    return version;
  }

  /** Bytes of the IP header with its options or extensions. */
  public int headerLength() {
    return transport - start;
  }

  /** What follows the IP header and its extensions: {@link IpProtocol}. */
  public int protocol() {
    return protocol;
  }

  /** Position of the transport's header; of a fragment, its data. */
  public int transport() {
    return transport;
  }

  /** Bytes of the transport's header and payload. */
  public int transportLength() {
    return end - transport;
  }

  /** Position of what the transport carries; for protocols not known here, the same as it. */
  public int payload() {
    return payload;
  }

  /** Bytes of what the transport carries. */
  public int payloadLength() {
    return end - payload;
  }

  /** One of several that make a datagram. Nothing of the transport may be read. */
  public boolean isFragment() {
    return moreFragments || fragmentOffset != 0;
  }

  /** Where the data of a fragment belongs in the datagram, in bytes. */
  public int fragmentOffset() {
    return fragmentOffset;
  }

  /** Not the last fragment. */
  public boolean moreFragments() {
    return moreFragments;
  }

  /** Of IPv4 always there, 16 bits; of IPv6, 32 bits, or 0 without a fragment header. */
  public int identification() {
    return version == 4
        ? Bytes.u16(memory, start + 4)
        : fragmentHeader < 0 ? 0 : Bytes.u32(memory, fragmentHeader + 4);
  }

  /** Position of the fragment header of IPv6, or -1. An atomic fragment (RFC 6946) has one too. */
  public int fragmentHeader() {
    return fragmentHeader;
  }

  /** Position of the byte that announces the fragment header of IPv6. */
  public int fragmentPointer() {
    return fragmentPointer;
  }

  /** Must not be cut on its way: always so for IPv6, where only the sender cuts. */
  public boolean dontFragment() {
    return version == 6 || (Bytes.u8(memory, start + 6) & 0x40) != 0;
  }

  /** Has an IPv6 authentication header, which no change of an address survives. */
  public boolean authenticated() {
    return authenticated;
  }

  /** Time to live or hop limit. */
  public int hopLimit() {
    return Bytes.u8(memory, start + (version == 4 ? 8 : 7));
  }

  /** Type of service or traffic class. */
  public int trafficClass() {
    return version == 4 ? Bytes.u8(memory, start + 1) : Bytes.u16(memory, start) >> 4 & 0xff;
  }

  public long sourceHigh() {
    return version == 4 ? V4_HIGH : Bytes.u64(memory, start + 8);
  }

  public long sourceLow() {
    return version == 4 ? mapped(start + 12) : Bytes.u64(memory, start + 16);
  }

  public long destinationHigh() {
    return version == 4 ? V4_HIGH : Bytes.u64(memory, start + 24);
  }

  public long destinationLow() {
    return version == 4 ? mapped(start + 16) : Bytes.u64(memory, start + 32);
  }

  private long mapped(int at) {
    return V4_LOW | (Bytes.u32(memory, at) & 0xffff_ffffL);
  }

  /**
   * Both addresses name one host: neither unspecified, multicast, reserved nor broadcast, and in a
   * packet of IPv6 none of IPv4, which no wire may carry (draft-itojun-v6ops-v4mapped-harmful).
   */
  public boolean unicast() {
    boolean mapped =
        version() == 6
            && (isV4(sourceHigh(), sourceLow()) || isV4(destinationHigh(), destinationLow()));
    return !mapped
        && isUnicast(sourceHigh(), sourceLow())
        && isUnicast(destinationHigh(), destinationLow());
  }

  /** Whether an address names one host, as far as the address itself tells. */
  public static boolean isUnicast(long high, long low) {
    if (isV4(high, low)) {
      int first = (int) low >>> 24;
      return first != 0 && first < 224;
    }
    return (high | low) != 0 && high >>> 56 != 0xff;
  }

  /** Whether an address is of IPv4, mapped into IPv6: {@code ::ffff:0:0/96}, RFC 4291 2.5.5.2. */
  public static boolean isV4(long high, long low) {
    return high == V4_HIGH && low >>> 32 == V4_LOW >>> 32;
  }

  /** Whether an address is the host's own, 127.0.0.0/8 or ::1: RFC 1122 3.2.1.3, RFC 4291 2.5.3. */
  public static boolean isLoopback(long high, long low) {
    return isV4(high, low) ? (int) low >>> 24 == 127 : high == 0 && low == 1;
  }

  /** TCP or UDP, and no fragment. */
  public boolean hasPorts() {
    return !isFragment() && (protocol == IpProtocol.TCP || protocol == IpProtocol.UDP);
  }

  /** Of TCP and UDP. */
  public int sourcePort() {
    return Bytes.u16(memory, transport);
  }

  /** Of TCP and UDP. */
  public int destinationPort() {
    return Bytes.u16(memory, transport + 2);
  }

  /** ICMP over IPv4 or ICMPv6 over IPv6, and no fragment. */
  public boolean isIcmp() {
    return !isFragment() && protocol == (version == 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6);
  }

  /** Type of an ICMP message. */
  public int icmpType() {
    return Bytes.u8(memory, transport);
  }

  /** Code of an ICMP message. */
  public int icmpCode() {
    return Bytes.u8(memory, transport + 1);
  }

  /** Identifier of an ICMP echo request or reply. */
  public int echoId() {
    return Bytes.u16(memory, transport + 4);
  }

  /** An ICMP message that is about another packet, {@link #quoted}; redirects are not. */
  public boolean isIcmpError() {
    return isIcmp() && IcmpError.isError(version, icmpType());
  }

  /**
   * Says that the transport's checksum covers only the pseudo-header so far, as
   * VIRTIO_NET_HDR_F_NEEDS_CSUM tells (include/uapi/linux/virtio_net.h).
   */
  public void checksumPartial(boolean partial) {
    this.partial = partial;
  }

  /** Whether the transport's checksum covers only the pseudo-header. */
  public boolean checksumPartial() {
    return partial;
  }

  /**
   * Position of the transport's checksum, or -1 when there is none or it is cut off. A first
   * fragment has one too, though what it covers is not all here.
   */
  public int checksumAt() {
    if (fragmentOffset != 0) {
      return -1;
    }
    int at =
        switch (protocol) {
          case IpProtocol.TCP -> transport + 16;
          case IpProtocol.UDP -> transport + 6;
          case IpProtocol.ICMP -> version == 4 ? transport + 2 : -1;
          case IpProtocol.ICMPV6 -> version == 6 ? transport + 2 : -1;
          default -> -1;
        };
    return at + 2 <= end ? at : -1;
  }
}
