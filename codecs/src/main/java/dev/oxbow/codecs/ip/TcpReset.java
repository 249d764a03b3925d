package dev.oxbow.codecs.ip;

import java.nio.ByteBuffer;

/** The answer of a host that does not know a connection: RFC 9293 3.10.7.1. */
public final class TcpReset {

  /** Bytes that an answer takes at most. */
  public static final int MAX_BYTES = PacketView.IPV6_BYTES + TcpHeader.BYTES;

  private TcpReset() {}

  /**
   * Writes the reset for a segment.
   *
   * @param segment TCP, no fragment
   * @param to where {@link #MAX_BYTES} are free
   * @return the length of the answer, or 0: a reset is never answered, nor what was not sent from
   *     one host to one
   */
  public static int write(PacketView segment, ByteBuffer to, int at) {
    int flags = TcpHeader.flags(segment);
    if ((flags & TcpHeader.RST) != 0 || !segment.unicast()) {
      return 0;
    }
    int transport =
        IpAnswer.write(
            segment,
            segment.destinationHigh(),
            segment.destinationLow(),
            IpProtocol.TCP,
            TcpHeader.BYTES,
            to,
            at);
    boolean acknowledges = (flags & TcpHeader.ACK) != 0;
    Bytes.put16(to, transport, segment.destinationPort());
    Bytes.put16(to, transport + 2, segment.sourcePort());
    Bytes.put32(to, transport + 4, acknowledges ? TcpHeader.acknowledgment(segment) : 0);
    Bytes.put32(
        to,
        transport + 8,
        acknowledges ? 0 : TcpHeader.sequence(segment) + TcpHeader.segmentLength(segment));
    Bytes.put8(to, transport + 12, (TcpHeader.BYTES / 4) << 4);
    Bytes.put8(to, transport + 13, acknowledges ? TcpHeader.RST : TcpHeader.RST | TcpHeader.ACK);
    Bytes.put16(to, transport + 14, 0);
    Bytes.put32(to, transport + 16, 0);
    Bytes.put16(
        to,
        transport + 16,
        IpAnswer.checksum(segment.version(), IpProtocol.TCP, to, at, transport, TcpHeader.BYTES));
    return transport + TcpHeader.BYTES - at;
  }
}
