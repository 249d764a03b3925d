package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import java.nio.ByteBuffer;

/**
 * struct virtio_net_hdr, as it stands before each packet of a tun with IFF_VNET_HDR
 * (include/uapi/linux/virtio_net.h). Numbers are in the machine's order, as the buffer's must be.
 *
 * <pre>
 *  0 flags u8   1 gso type u8   2 header length u16   4 gso size u16
 *  6 checksum start u16   8 checksum offset u16
 * </pre>
 */
final class VirtioNet {

  /** Size of the header. */
  static final int BYTES = 10;

  static final int F_NEEDS_CSUM = 1;
  static final int GSO_NONE = 0;
  static final int GSO_TCPV4 = 1;
  static final int GSO_TCPV6 = 4;
  static final int GSO_ECN = 0x80;

  private static final int TCP_CHECKSUM = 16;

  private VirtioNet() {}

  /** Writes the header of a packet that is finished. */
  static void plain(ByteBuffer memory, int at) {
    memory.putLong(at, 0);
    memory.putShort(at + 8, (short) 0);
  }

  /**
   * Writes the header of a packet whose checksum is partial.
   *
   * @param gsoSize payload of each segment, or 0 for a single one
   */
  static void partial(ByteBuffer memory, int at, PacketView packet, int gsoSize) {
    int header = packet.payload() - packet.start();
    int type = packet.version() == 4 ? GSO_TCPV4 : GSO_TCPV6;
    memory.put(at, (byte) F_NEEDS_CSUM);
    memory.put(at + 1, (byte) (gsoSize == 0 ? GSO_NONE : type));
    memory.putShort(at + 2, (short) header);
    memory.putShort(at + 4, (short) gsoSize);
    memory.putShort(at + 6, (short) packet.headerLength());
    memory.putShort(at + 8, (short) TCP_CHECKSUM);
  }

  static boolean needsChecksum(ByteBuffer memory, int at) {
    return (memory.get(at) & F_NEEDS_CSUM) != 0;
  }

  /** Payload of each segment of a super-packet, or 0 for a packet that is none. */
  static int gsoSize(ByteBuffer memory, int at) {
    return memory.get(at + 1) == GSO_NONE ? 0 : memory.getShort(at + 4) & 0xffff;
  }

  /** Whether the header says nothing of a packet that cannot be true. */
  static boolean fits(ByteBuffer memory, int at, PacketView packet) {
    boolean tcp = packet.protocol() == IpProtocol.TCP && !packet.isFragment();
    int type = memory.get(at + 1) & ~GSO_ECN & 0xff;
    boolean needs = needsChecksum(memory, at);
    if (type == GSO_NONE && !needs) {
      return true;
    }
    boolean start = (memory.getShort(at + 6) & 0xffff) == packet.headerLength();
    boolean place = (memory.getShort(at + 8) & 0xffff) == TCP_CHECKSUM;
    if (!tcp || !needs || !start || !place) {
      return false;
    }
    boolean segments = type == (packet.version() == 4 ? GSO_TCPV4 : GSO_TCPV6);
    boolean plain = (TcpHeader.flags(packet) & (TcpHeader.SYN | TcpHeader.RST)) == 0;
    return type == GSO_NONE || (segments && plain && gsoSize(memory, at) > 0);
  }
}
