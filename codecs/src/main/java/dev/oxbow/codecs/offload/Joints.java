package dev.oxbow.codecs.offload;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import java.nio.ByteBuffer;

/**
 * Which packets may be joined: only those that segmentation of the result would give back byte by
 * byte, up to where in it PSH and FIN are.
 */
final class Joints {

  /** What segments of a super-packet may have beside ACK; the first two only the last of them. */
  private static final int ALLOWED = TcpHeader.PSH | TcpHeader.FIN | TcpHeader.ECE;

  /** What makes a segment the last one. */
  static final int CLOSING = TcpHeader.PSH | TcpHeader.FIN;

  /** The same in the word that has data offset, flags and window. */
  private static final int CLOSING_BITS = CLOSING << 16;

  private Joints() {}

  /**
   * Whether a packet may be part of a super-packet at all: without IP options and extensions, with
   * payload, and with a checksum that was found right, since nobody will look at it again.
   */
  static boolean joinable(PacketView packet, boolean udp) {
    int headers = packet.version() == 4 ? PacketView.IPV4_BYTES : PacketView.IPV6_BYTES;
    if (packet.headerLength() != headers
        || packet.payloadLength() == 0
        || packet.checksumPartial()
        || !packet.hasPorts()) {
      return false;
    }
    if (packet.protocol() == IpProtocol.UDP) {
      ByteBuffer memory = packet.memory();
      return udp
          && Bytes.u16(memory, packet.transport() + 4) == packet.transportLength()
          && Bytes.u16(memory, packet.transport() + 6) != 0
          && Checksum.transportValid(packet);
    }
    return (TcpHeader.flags(packet) & ~ALLOWED) == TcpHeader.ACK && Checksum.transportValid(packet);
  }

  /** Whether a packet is of the connection of another, both with ports. */
  static boolean sameConnection(PacketView packet, int start, int transport) {
    ByteBuffer memory = packet.memory();
    int mine = packet.start();
    if (packet.version() != Bytes.u8(memory, start) >> 4
        || Bytes.u32(memory, packet.transport()) != Bytes.u32(memory, transport)) {
      return false;
    }
    if (packet.version() == 4) {
      return Bytes.u64(memory, mine + 12) == Bytes.u64(memory, start + 12)
          && Bytes.u8(memory, mine + 9) == Bytes.u8(memory, start + 9);
    }
    return Bytes.u64(memory, mine + 8) == Bytes.u64(memory, start + 8)
        && Bytes.u64(memory, mine + 16) == Bytes.u64(memory, start + 16)
        && Bytes.u64(memory, mine + 24) == Bytes.u64(memory, start + 24)
        && Bytes.u64(memory, mine + 32) == Bytes.u64(memory, start + 32);
  }

  /**
   * Whether the headers of a joinable packet are those that follow in a super-packet; both are of
   * one connection.
   *
   * @param start of the super-packet's first packet, as it was
   * @param bytes of payload before this packet
   * @param count of packets before this one
   */
  static boolean sameHeaders(PacketView packet, int start, int bytes, int count) {
    ByteBuffer memory = packet.memory();
    int mine = packet.start();
    boolean same =
        packet.version() == 4
            ? sameHeaders4(memory, mine, start, count)
            : Bytes.u32(memory, mine) == Bytes.u32(memory, start)
                && Bytes.u16(memory, mine + 6) == Bytes.u16(memory, start + 6);
    if (!same || packet.protocol() == IpProtocol.UDP) {
      return same;
    }
    return sameTcp(packet, start + packet.headerLength(), bytes);
  }

  /** Without "don't fragment" the identification counts, as it would after segmentation. */
  private static boolean sameHeaders4(ByteBuffer memory, int mine, int start, int count) {
    boolean identified =
        (Bytes.u8(memory, mine + 6) & 0x40) != 0
            || Bytes.u16(memory, mine + 4) == ((Bytes.u16(memory, start + 4) + count) & 0xffff);
    return identified
        && Bytes.u16(memory, mine) == Bytes.u16(memory, start)
        && Bytes.u32(memory, mine + 6) == Bytes.u32(memory, start + 6);
  }

  private static boolean sameTcp(PacketView packet, int other, int bytes) {
    ByteBuffer memory = packet.memory();
    int mine = packet.transport();
    if (Bytes.u32(memory, mine + 4) != Bytes.u32(memory, other + 4) + bytes
        || Bytes.u32(memory, mine + 8) != Bytes.u32(memory, other + 8)
        || (Bytes.u32(memory, mine + 12) | CLOSING_BITS)
            != (Bytes.u32(memory, other + 12) | CLOSING_BITS)) {
      return false;
    }
    int end = packet.payload() - mine;
    for (int at = TcpHeader.BYTES; at < end; at += 4) {
      if (Bytes.u32(memory, mine + at) != Bytes.u32(memory, other + at)) {
        return false;
      }
    }
    return true;
  }
}
