package dev.oxbow.codecs.ip;

import java.nio.ByteBuffer;

/** The IP header of a packet that answers another, back to that one's source. */
final class IpAnswer {

  /** As Linux sends by default: net.ipv4.ip_default_ttl. */
  private static final int HOP_LIMIT = 64;

  private static final int DONT_FRAGMENT = 0x4000;

  private IpAnswer() {}

  /**
   * Writes a header without options.
   *
   * @param about whose source is the destination
   * @param high of the address that answers
   * @param low of the address that answers
   * @param length bytes after the header
   * @return the position after the header
   */
  static int write(
      PacketView about, long high, long low, int protocol, int length, ByteBuffer to, int at) {
    if (about.version() == 4) {
      Bytes.put16(to, at, 0x4500);
      Bytes.put16(to, at + 2, PacketView.IPV4_BYTES + length);
      Bytes.put32(to, at + 4, DONT_FRAGMENT);
      Bytes.put16(to, at + 8, HOP_LIMIT << 8 | protocol);
      Bytes.put32(to, at + 12, (int) low);
      Bytes.put32(to, at + 16, (int) about.sourceLow());
      Checksum.fillHeader(to, at);
      return at + PacketView.IPV4_BYTES;
    }
    Bytes.put32(to, at, 6 << 28);
    Bytes.put16(to, at + 4, length);
    Bytes.put16(to, at + 6, protocol << 8 | HOP_LIMIT);
    Bytes.put64(to, at + 8, high);
    Bytes.put64(to, at + 16, low);
    Bytes.put64(to, at + 24, about.sourceHigh());
    Bytes.put64(to, at + 32, about.sourceLow());
    return at + PacketView.IPV6_BYTES;
  }

  /** The checksum of what follows such a header, its field being zero. */
  static int checksum(int version, int protocol, ByteBuffer to, int at, int transport, int length) {
    long sum = Checksum.sum(to, transport, length);
    if (protocol != IpProtocol.ICMP) {
      int addresses = version == 4 ? 8 : 32;
      sum += Checksum.sum(to, transport - addresses, addresses) + protocol + length;
    }
    return ~Checksum.fold(sum) & 0xffff;
  }
}
