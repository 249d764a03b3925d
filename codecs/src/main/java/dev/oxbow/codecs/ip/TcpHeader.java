package dev.oxbow.codecs.ip;

import java.nio.ByteBuffer;

/**
 * Fields of the TCP header of a packet: RFC 9293 3.1 and 3.2, RFC 7323. The packet is TCP and no
 * fragment; of a quoted one only ports and sequence number are sure to be there.
 */
public final class TcpHeader {
  public static final int FIN = 0x01;
  public static final int SYN = 0x02;
  public static final int RST = 0x04;
  public static final int PSH = 0x08;
  public static final int ACK = 0x10;
  public static final int URG = 0x20;
  public static final int ECE = 0x40;
  public static final int CWR = 0x80;

  /** Without options. */
  public static final int BYTES = 20;

  public static final int OPTION_END = 0;
  public static final int OPTION_NOP = 1;
  public static final int OPTION_MSS = 2;
  public static final int OPTION_WINDOW_SCALE = 3;
  public static final int OPTION_SACK_PERMITTED = 4;
  public static final int OPTION_SACK = 5;
  public static final int OPTION_TIMESTAMPS = 8;

  private TcpHeader() {}

  /** Bytes of the header with its options, as it says itself. */
  public static int length(PacketView packet) {
    return (Bytes.u8(packet.memory, packet.transport + 12) >> 4) * 4;
  }

  public static int sequence(PacketView packet) {
    return Bytes.u32(packet.memory, packet.transport + 4);
  }

  public static int acknowledgment(PacketView packet) {
    return Bytes.u32(packet.memory, packet.transport + 8);
  }

  /** The eight bits from CWR to FIN. */
  public static int flags(PacketView packet) {
    return Bytes.u8(packet.memory, packet.transport + 13);
  }

  /** Not yet scaled. */
  public static int window(PacketView packet) {
    return Bytes.u16(packet.memory, packet.transport + 14);
  }

  /** Sequence numbers that the segment takes: its bytes, SYN and FIN. */
  public static int segmentLength(PacketView packet) {
    int flags = flags(packet);
    return packet.payloadLength() + (flags >> 1 & 1) + (flags & FIN);
  }

  /**
   * Position of an option's kind byte, its length byte being right, or -1. Looking ends at the
   * first option whose length is not.
   */
  public static int option(PacketView packet, int kind) {
    ByteBuffer memory = packet.memory;
    int end = packet.payload();
    int at = packet.transport + BYTES;
    while (at < end) {
      int option = Bytes.u8(memory, at);
      if (option == OPTION_END) {
        return -1;
      }
      if (option == OPTION_NOP) {
        at++;
        continue;
      }
      int length = at + 1 < end ? Bytes.u8(memory, at + 1) : 0;
      if (length < 2 || length > end - at) {
        return -1;
      }
      if (option == kind) {
        return at;
      }
      at += length;
    }
    return -1;
  }

  /** Largest segment that the sender of a SYN takes, or -1 when it does not say. */
  public static int mss(PacketView packet) {
    int at = option(packet, OPTION_MSS);
    return at >= 0 && Bytes.u8(packet.memory, at + 1) == 4 ? Bytes.u16(packet.memory, at + 2) : -1;
  }

  /** Window scale of a SYN, or -1 when it does not say. */
  public static int windowScale(PacketView packet) {
    int at = option(packet, OPTION_WINDOW_SCALE);
    return at >= 0 && Bytes.u8(packet.memory, at + 1) == 3 ? Bytes.u8(packet.memory, at + 2) : -1;
  }
}
