package dev.oxbow.codecs.ip;

import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The Internet checksum: RFC 1071, and RFC 1624 for changes. A <em>sum</em> is a one's complement
 * sum of 16-bit words in network order, not yet complemented; a <em>checksum</em> is complemented,
 * as the fields of headers are.
 */
public final class Checksum {

  /** Sums come out with their bytes swapped in the other order, so the machine's own is used. */
  private static final VarHandle LONGS = Bytes.view(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final VarHandle INTS = Bytes.view(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle SHORTS = Bytes.view(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long INT = 0xffff_ffffL;

  private Checksum() {}

  /** The sum of some bytes, the last one padded with a zero when they are odd; 16 bits. */
  public static int sum(ByteBuffer memory, int start, int length) {
    int end = start + length;
    int at = start;
    long sum = 0;
    long other = 0;
    for (; at <= end - 32; at += 32) {
      long a = (long) LONGS.get(memory, at);
      long b = (long) LONGS.get(memory, at + 8);
      long c = (long) LONGS.get(memory, at + 16);
      long d = (long) LONGS.get(memory, at + 24);
      sum += (a & INT) + (a >>> 32) + (b & INT) + (b >>> 32);
      other += (c & INT) + (c >>> 32) + (d & INT) + (d >>> 32);
    }
    sum += other;
    for (; at <= end - 4; at += 4) {
      sum += (int) INTS.get(memory, at) & INT;
    }
    if (at <= end - 2) {
      sum += (short) SHORTS.get(memory, at) & 0xffff;
      at += 2;
    }
    if (at < end) {
      sum += memory.get(at) & 0xff;
    }
    return Short.reverseBytes((short) fold(sum)) & 0xffff;
  }

  /** The checksum of some bytes; 0 when they contain their own, and it is right. */
  public static int of(ByteBuffer memory, int start, int length) {
    return ~sum(memory, start, length) & 0xffff;
  }

  /** Brings a sum of 16-bit words down to 16 bits. */
  public static int fold(long sum) {
    long words = (sum & INT) + (sum >>> 32);
    words = (words & INT) + (words >>> 32);
    int folded = (int) (words & 0xffff) + (int) (words >>> 16);
    return (folded & 0xffff) + (folded >>> 16);
  }

  /** Sum of the four words of a long. */
  static long words(long value) {
    return (value & 0xffff) + (value >>> 16 & 0xffff) + (value >>> 32 & 0xffff) + (value >>> 48);
  }

  /** Sum of the two words of an int. */
  static long words(int value) {
    return (long) (value & 0xffff) + (value >>> 16);
  }

  /** Sum of the pseudo-header of a packet: RFC 9293 3.1, RFC 8200 8.1; 16 bits. */
  public static int pseudoHeader(PacketView packet) {
    return pseudoHeader(packet, packet.transportLength());
  }

  /**
   * As {@link #pseudoHeader(PacketView)} for another length of transport header and payload, such
   * as that of a segment of the packet.
   */
  public static int pseudoHeader(PacketView packet, int length) {
    ByteBuffer memory = packet.memory;
    int addresses = packet.start + (packet.version == 4 ? 12 : 8);
    int sum = sum(memory, addresses, packet.version == 4 ? 8 : 32);
    return fold((long) sum + packet.protocol + words(length));
  }

  /**
   * What the checksum field of a packet's transport must be. The bytes that are there now do not
   * matter, nor whether they are partial.
   *
   * @param packet TCP, UDP or ICMP, with a place for the checksum, and no fragment
   */
  public static int transport(PacketView packet) {
    int field = Bytes.u16(packet.memory, packet.checksumAt());
    long sum = transportSum(packet) + (~field & 0xffffL);
    int checksum = ~fold(sum) & 0xffff;
    return checksum == 0 && packet.protocol == IpProtocol.UDP ? 0xffff : checksum;
  }

  /** Sum of all that the transport's checksum covers, with the field as it is. */
  private static long transportSum(PacketView packet) {
    int length = covered(packet);
    int pseudo = packet.protocol == IpProtocol.ICMP ? 0 : pseudoHeader(packet, length);
    return (long) sum(packet.memory, packet.transport, length) + pseudo;
  }

  /** UDP tells its own length, which may be less than that of the packet. */
  private static int covered(PacketView packet) {
    return packet.protocol == IpProtocol.UDP
        ? Math.min(Bytes.u16(packet.memory, packet.transport + 4), packet.transportLength())
        : packet.transportLength();
  }

  /**
   * Whether the transport's checksum is right: RFC 768 allows UDP over IPv4 to have none, RFC 8200
   * does not allow it over IPv6. True for protocols not known here, and for fragments.
   */
  public static boolean transportValid(PacketView packet) {
    int at = packet.checksumAt();
    if (at < 0 || packet.isFragment()) {
      return true;
    }
    int field = Bytes.u16(packet.memory, at);
    if (packet.checksumPartial()) {
      return field == pseudoHeader(packet, covered(packet));
    }
    if (packet.protocol == IpProtocol.UDP && field == 0) {
      return packet.version == 4;
    }
    return fold(transportSum(packet)) == 0xffff;
  }

  /**
   * Computes the checksum of a packet's transport and writes it; it is not partial any more. Leaves
   * fragments alone.
   */
  public static void fill(PacketView packet) {
    int at = packet.checksumAt();
    if (at >= 0 && !packet.isFragment()) {
      Bytes.put16(packet.memory, at, transport(packet));
      packet.checksumPartial(false);
    }
  }

  /** Computes and writes the checksum of an IPv4 header. */
  public static void fillHeader(ByteBuffer memory, int start) {
    Bytes.put16(memory, start + 10, 0);
    int length = (Bytes.u8(memory, start) & 0x0f) * 4;
    Bytes.put16(memory, start + 10, of(memory, start, length));
  }

  /**
   * What a checksum becomes when words under it change: RFC 1624, equation 3.
   *
   * @param delta sum of the complements of the old words and of the new ones
   */
  static int updated(int checksum, long delta) {
    return ~fold((~checksum & 0xffff) + delta) & 0xffff;
  }
}
