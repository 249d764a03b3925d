package dev.oxbow.codecs.ip;

import java.nio.ByteBuffer;

/**
 * Changes of a packet in place that keep its checksums as right, or as wrong, as they were: RFC
 * 1624. Partial checksums ({@link PacketView#checksumPartial()}) stay partial, a UDP checksum of
 * zero stays zero. Hop limits are left alone. New addresses are of the packet's version.
 *
 * <p>A fragment's addresses may be changed, if those of all fragments of its datagram are: the
 * first one has the checksum, and must have it at once after the fragment header. Its ports may
 * not: only the first one has them.
 */
public final class Rewrite {

  /** Says that a port is to stay, or that there is none. */
  public static final int SAME_PORT = -1;

  private Rewrite() {}

  /**
   * Changes the source address and port.
   *
   * @param port of TCP or UDP, or {@link #SAME_PORT}
   */
  public static void source(PacketView packet, long high, long low, int port) {
    endpoint(packet, true, high, low, port);
  }

  /** Changes the destination; as {@link #source}. */
  public static void destination(PacketView packet, long high, long low, int port) {
    endpoint(packet, false, high, low, port);
  }

  /**
   * Changes the source of the packet that an ICMP error is about, and the error's checksum. The
   * quoted packet's own checksums follow as far as they are there.
   *
   * @param quoted set by {@link PacketView#quoted} of the error
   */
  public static void quotedSource(
      PacketView error, PacketView quoted, long high, long low, int port) {
    adjust(error, endpoint(quoted, true, high, low, port));
  }

  /** Changes the destination of the packet that an ICMP error is about. */
  public static void quotedDestination(
      PacketView error, PacketView quoted, long high, long low, int port) {
    adjust(error, endpoint(quoted, false, high, low, port));
  }

  /**
   * Changes the identifier of an ICMP echo request or reply, or of one quoted without its error.
   */
  public static void echoId(PacketView packet, int id) {
    adjust(packet, replace16(packet.memory, packet.transport + 4, id));
  }

  /** Changes the identifier of the echo that an ICMP error is about. */
  public static void quotedEchoId(PacketView error, PacketView quoted, int id) {
    long delta = replace16(quoted.memory, quoted.transport + 4, id);
    adjust(error, delta + adjust(quoted, delta));
  }

  /** Changes the MTU that "fragmentation needed" and "packet too big" tell. */
  public static void icmpMtu(PacketView error, int mtu) {
    ByteBuffer memory = error.memory;
    if (error.version == 4) {
      adjust(error, replace16(memory, error.transport + 6, mtu));
    } else {
      int old = Bytes.u32(memory, error.transport + 4);
      Bytes.put32(memory, error.transport + 4, mtu);
      adjust(error, Checksum.words(~old) + Checksum.words(mtu));
    }
  }

  /**
   * Lowers the MSS option of a SYN.
   *
   * @param mss bytes of payload without options that fit where the segments will go
   * @return whether the option was there and larger
   */
  public static boolean clampMss(PacketView packet, int mss) {
    int told = TcpHeader.mss(packet);
    if (told <= mss) {
      return false;
    }
    int at = TcpHeader.option(packet, TcpHeader.OPTION_MSS) + 2;
    Bytes.put16(packet.memory, at, mss);
    long delta = (long) (~told & 0xffff) + mss;
    // At an odd position its bytes are halves of two words: the sum has them swapped.
    boolean odd = (at - packet.transport & 1) != 0;
    adjust(packet, odd ? swapped(delta) : delta);
    return true;
  }

  private static long swapped(long delta) {
    return Short.reverseBytes((short) Checksum.fold(delta)) & 0xffff;
  }

  /** Changes one end of a packet; returns by how much the sum of all its bytes changes. */
  private static long endpoint(PacketView packet, boolean source, long high, long low, int port) {
    ByteBuffer memory = packet.memory;
    long address;
    long delta;
    if (packet.version == 4) {
      int at = packet.start + (source ? 12 : 16);
      int old = Bytes.u32(memory, at);
      Bytes.put32(memory, at, (int) low);
      address = Checksum.words(~old) + Checksum.words((int) low);
      int header = Bytes.u16(memory, packet.start + 10);
      delta = address + replace16(memory, packet.start + 10, Checksum.updated(header, address));
    } else {
      int at = packet.start + (source ? 8 : 24);
      address =
          Checksum.words(~Bytes.u64(memory, at))
              + Checksum.words(~Bytes.u64(memory, at + 8))
              + Checksum.words(high)
              + Checksum.words(low);
      Bytes.put64(memory, at, high);
      Bytes.put64(memory, at + 8, low);
      delta = address;
    }
    long ports =
        port == SAME_PORT ? 0 : replace16(memory, packet.transport + (source ? 0 : 2), port);
    return delta + ports + adjust(packet, ports, address);
  }

  private static long adjust(PacketView packet, long payload) {
    return adjust(packet, payload, 0);
  }

  /**
   * Brings the transport's checksum up to date.
   *
   * @param payload change of the sum of the transport's bytes
   * @param pseudo change of the sum of the pseudo-header
   * @return by how much the checksum changes the sum of the packet's bytes
   */
  private static long adjust(PacketView packet, long payload, long pseudo) {
    int at = packet.checksumAt();
    if (at < 0) {
      return 0;
    }
    int old = Bytes.u16(packet.memory, at);
    if (packet.checksumPartial()) {
      return replace16(packet.memory, at, Checksum.fold(old + pseudo));
    }
    boolean udp = packet.protocol == IpProtocol.UDP;
    if (udp && old == 0) {
      return 0;
    }
    long delta = packet.protocol == IpProtocol.ICMP ? payload : payload + pseudo;
    int updated = Checksum.updated(old, delta);
    return replace16(packet.memory, at, udp && updated == 0 ? 0xffff : updated);
  }

  /** Writes a word; returns by how much the sum changes. */
  private static long replace16(ByteBuffer memory, int at, int value) {
    int old = Bytes.u16(memory, at);
    Bytes.put16(memory, at, value);
    return (long) (~old & 0xffff) + value;
  }
}
