package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.fdpassing.libc.NativeMemory;
import java.nio.ByteBuffer;

/**
 * Cuts a super-packet into the segments that it stands for, as the kernel would have
 * (net/ipv4/tcp_offload.c): only headers are written, payloads are sent from where they lie.
 */
final class Segments {

  /** Room for the headers of a segment: more than IPv4's or IPv6's and TCP's longest. */
  private static final int HEADER_ROOM = 256;

  private static final int NOT_LAST = ~(TcpHeader.FIN | TcpHeader.PSH);

  private Segments() {}

  /** How many segments a packet makes. */
  static int count(PacketView packet, int gsoSize) {
    return Math.max(1, (packet.payloadLength() + gsoSize - 1) / gsoSize);
  }

  /** Whether there is room for its headers. */
  static boolean fits(PacketView packet) {
    return packet.payload() - packet.start() <= HEADER_ROOM;
  }

  /**
   * Makes messages of some segments of the bench's packet, with complete checksums.
   *
   * @param first segment, from 0 on
   * @param count {@link Bench#BATCH} at most
   */
  static void prepare(Bench bench, int gsoSize, int first, int count) {
    PacketView packet = bench.packet;
    ByteBuffer from = bench.packets;
    int start = packet.start();
    int header = packet.payload() - start;
    int transport = packet.headerLength();
    int last = count(packet, gsoSize) - 1;
    int sequence = TcpHeader.sequence(packet);
    int flags = TcpHeader.flags(packet);
    NativeMemory vector = bench.sendVector;
    for (int i = 0; i < count; i++) {
      int segment = first + i;
      int offset = segment * gsoSize;
      int payload = Math.min(gsoSize, packet.payloadLength() - offset);
      int to = i * HEADER_ROOM;
      ByteBuffer headers = bench.headers;
      headers.put(to, from, start, header);
      length(headers, to, packet, header + payload, segment);
      int tcp = to + transport;
      Bytes.put32(headers, tcp + 4, sequence + offset);
      int mine = segment == last ? flags : flags & NOT_LAST;
      Bytes.put8(headers, tcp + 13, segment == 0 ? mine : mine & ~TcpHeader.CWR);
      Bytes.put16(headers, tcp + 16, 0);
      long sum =
          (long) Checksum.pseudoHeader(packet, header - transport + payload)
              + Checksum.sum(headers, tcp, header - transport)
              + Checksum.sum(from, packet.payload() + offset, payload);
      Bytes.put16(headers, tcp + 16, ~Checksum.fold(sum) & 0xffff);
      Bench.iovec(vector, 2 * i, bench.headerAddress(to), header);
      Bench.iovec(vector, 2 * i + 1, bench.address(packet.payload() + offset), payload);
      bench.sendMessage(i, 2 * i, 2);
    }
  }

  private static void length(
      ByteBuffer headers, int to, PacketView packet, int bytes, int segment) {
    if (packet.version() == 4) {
      Bytes.put16(headers, to + 2, bytes);
      Bytes.put16(headers, to + 4, packet.identification() + segment);
      Checksum.fillHeader(headers, to);
    } else {
      Bytes.put16(headers, to + 4, bytes - PacketView.IPV6_BYTES);
    }
  }
}
