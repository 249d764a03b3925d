package dev.oxbow.codecs.offload;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * struct virtio_net_hdr before each packet of a tun with IFF_VNET_HDR
 * (include/uapi/linux/virtio_net.h), little-endian: that of the machines we run on, or
 * TUNSETVNETLE.
 *
 * <pre>
 *   0 flags u8   1 gso_type u8   2 hdr_len u16   4 gso_size u16
 *   6 csum_start u16   8 csum_offset u16
 * </pre>
 */
public final class VirtioNetHeader {

  /** Size in bytes; that of a tun as long as nobody used TUNSETVNETHDRSZ. */
  public static final int BYTES = 10;

  public static final int F_NEEDS_CSUM = 1;
  public static final int F_DATA_VALID = 2;

  public static final int GSO_NONE = 0;
  public static final int GSO_TCPV4 = 1;
  public static final int GSO_TCPV6 = 4;
  public static final int GSO_UDP_L4 = 5;

  /** UDP_MAX_SEGMENTS, include/linux/udp.h. */
  private static final int MOST_DATAGRAMS = 128;

  /** Of TCP: 64 KiB with the least MSS of Linux, 48, and timestamps come near it. */
  private static final int MOST_SEGMENTS = 2048;

  private static final int MOST_HEADER = 60;

  /** Set beside the type when the first segment has CWR. */
  public static final int GSO_ECN = 0x80;

  private static final VarHandle U16 =
      MethodHandles.byteBufferViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

  private VirtioNetHeader() {}

  public static int flags(ByteBuffer memory, int at) {
    return memory.get(at) & 0xff;
  }

  /** Without {@link #GSO_ECN}. */
  public static int gsoType(ByteBuffer memory, int at) {
    return memory.get(at + 1) & ~GSO_ECN & 0xff;
  }

  /** Bytes of all headers; a hint, not to be trusted. */
  public static int headerLength(ByteBuffer memory, int at) {
    return u16(memory, at + 2);
  }

  /** Bytes of payload in each segment but the last. */
  public static int gsoSize(ByteBuffer memory, int at) {
    return u16(memory, at + 4);
  }

  /** Where the checksum begins to cover, from the packet's start. */
  public static int checksumStart(ByteBuffer memory, int at) {
    return u16(memory, at + 6);
  }

  /** Where the checksum is, from {@link #checksumStart}. */
  public static int checksumOffset(ByteBuffer memory, int at) {
    return u16(memory, at + 8);
  }

  private static int u16(ByteBuffer memory, int at) {
    return (short) U16.get(memory, at) & 0xffff;
  }

  /**
   * Tells the view what the header says of its packet: whether the checksum is partial. The header
   * may be anybody's: what it says beyond that is compared with the packet.
   *
   * @param packet parsed without a defect
   * @return {@link Defect#BAD_OFFLOAD} when header and packet do not belong together, or null
   */
  public static @Nullable Defect apply(ByteBuffer memory, int at, PacketView packet) {
    boolean partial = (flags(memory, at) & F_NEEDS_CSUM) != 0;
    if (partial && !coversAll(memory, at, packet)) {
      return Defect.BAD_OFFLOAD;
    }
    int type = gsoType(memory, at);
    if (type != GSO_NONE && !(partial && type == gsoType(packet) && few(memory, at, packet))) {
      return Defect.BAD_OFFLOAD;
    }
    packet.checksumPartial(partial);
    return null;
  }

  /** Whether no more segments come of it than a kernel makes: else one costs as much as many. */
  private static boolean few(ByteBuffer memory, int at, PacketView packet) {
    int size = gsoSize(memory, at);
    int most = packet.protocol() == IpProtocol.UDP ? MOST_DATAGRAMS : MOST_SEGMENTS;
    return size != 0 && packet.transportLength() <= (long) most * size + MOST_HEADER;
  }

  /** Whether the checksum is where it is in this packet, and covers all of it. */
  private static boolean coversAll(ByteBuffer memory, int at, PacketView packet) {
    return packet.hasPorts()
        && checksumStart(memory, at) == packet.headerLength()
        && checksumOffset(memory, at) == packet.checksumAt() - packet.transport()
        && (packet.protocol() == IpProtocol.TCP
            || Bytes.u16(packet.memory(), packet.transport() + 4) == packet.transportLength());
  }

  /** The type of a packet when it is a super-packet. */
  static int gsoType(PacketView packet) {
    if (!packet.hasPorts()) {
      return GSO_NONE;
    }
    return packet.protocol() == IpProtocol.UDP
        ? GSO_UDP_L4
        : packet.version() == 4 ? GSO_TCPV4 : GSO_TCPV6;
  }

  /** Bytes of payload in each segment, or 0 when the packet is none to be cut. */
  public static int segmentBytes(ByteBuffer memory, int at) {
    return gsoType(memory, at) == GSO_NONE ? 0 : gsoSize(memory, at);
  }

  /** Writes the header of a packet that is complete: all zero. */
  public static void writePlain(ByteBuffer memory, int at) {
    memory.putLong(at, 0);
    memory.putShort(at + 8, (short) 0);
  }

  /**
   * Writes the header of a packet as the view tells of it.
   *
   * @param packet when its checksum is partial, the header says so
   * @param segmentBytes of payload in each segment, or 0 when it is one already
   */
  public static void write(ByteBuffer memory, int at, PacketView packet, int segmentBytes) {
    writePlain(memory, at);
    if (packet.checksumPartial()) {
      memory.put(at, (byte) F_NEEDS_CSUM);
      U16.set(memory, at + 6, (short) packet.headerLength());
      U16.set(memory, at + 8, (short) (packet.checksumAt() - packet.transport()));
    }
    if (segmentBytes > 0) {
      memory.put(at + 1, (byte) gsoType(packet));
      U16.set(memory, at + 2, (short) (packet.payload() - packet.start()));
      U16.set(memory, at + 4, (short) segmentBytes);
    }
  }
}
