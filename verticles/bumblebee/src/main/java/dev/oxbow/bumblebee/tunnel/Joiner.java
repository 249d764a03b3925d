package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Vectors;
import java.nio.ByteBuffer;

/**
 * Joins segments of a connection that follow one another into one super-packet, so that the kernel
 * goes through its stack once: what its own GRO does (net/ipv4/tcp_offload.c), under the same
 * conditions. Nothing is copied: the payloads are written from where they lie. Checksums are looked
 * at before, since the kernel takes those of a super-packet for right. Loop thread only.
 */
final class Joiner {

  /** What may be set beside ACK in a segment that is joined. */
  private static final int JOINED_FLAGS = TcpHeader.ACK | TcpHeader.PSH;

  private final Bench bench;
  private final PacketView first = new PacketView();
  private int count;
  private int connection;
  private int gsoSize;
  private int bytes;
  private int nextSequence;
  private boolean closed;

  Joiner(Bench bench) {
    this.bench = bench;
  }

  /**
   * Takes the bench's packet, which is translated, or writes it to the device. What was taken is
   * written by the next packet that cannot be joined to it, or by {@link #flush}.
   *
   * @param ofConnection its place, or negative for what is no segment
   */
  void add(Tunnel tunnel, int ofConnection) {
    PacketView packet = bench.packet;
    boolean candidate = ofConnection >= 0 && isCandidate(packet);
    if (count > 0 && ofConnection == connection) {
      if (candidate && follows(packet) && Checksum.transportValid(packet)) {
        append(packet);
        return;
      }
      flush(tunnel);
    }
    if (!candidate || !Checksum.transportValid(packet)) {
      write(tunnel, packet.start(), packet.length());
      return;
    }
    flush(tunnel);
    begin(packet, ofConnection);
  }

  private static boolean isCandidate(PacketView packet) {
    int flags = TcpHeader.flags(packet);
    boolean plainHeader =
        packet.headerLength()
            == (packet.version() == 4 ? PacketView.IPV4_BYTES : PacketView.IPV6_BYTES);
    return packet.payloadLength() > 0
        && plainHeader
        && (flags & ~JOINED_FLAGS) == 0
        && (flags & TcpHeader.ACK) != 0
        && packet.dontFragment();
  }

  private void begin(PacketView packet, int ofConnection) {
    first.parse(bench.packets, packet.start(), packet.length());
    connection = ofConnection;
    gsoSize = packet.payloadLength();
    nextSequence = TcpHeader.sequence(packet) + gsoSize;
    bytes = packet.length();
    closed = (TcpHeader.flags(packet) & TcpHeader.PSH) != 0;
    count = 1;
    long address = bench.address(packet.start() - VirtioNet.BYTES);
    Bench.iovec(bench.writeVector, 0, address, VirtioNet.BYTES + packet.length());
  }

  private boolean follows(PacketView packet) {
    int payload = packet.payloadLength();
    int header = packet.payload() - packet.start();
    return !closed
        && count < 2 * Bench.BATCH
        && payload <= gsoSize
        && bytes + payload <= Bench.PACKET_BYTES
        && TcpHeader.sequence(packet) == nextSequence
        && header == first.payload() - first.start()
        && sameHeaders(packet);
  }

  private boolean sameHeaders(PacketView packet) {
    ByteBuffer memory = bench.packets;
    int a = first.transport();
    int b = packet.transport();
    boolean tcp =
        TcpHeader.acknowledgment(packet) == TcpHeader.acknowledgment(first)
            && TcpHeader.window(packet) == TcpHeader.window(first);
    for (int at = TcpHeader.BYTES; tcp && at < packet.payload() - b; at += 4) {
      tcp = Bytes.u32(memory, a + at) == Bytes.u32(memory, b + at);
    }
    return tcp
        && packet.hopLimit() == first.hopLimit()
        && packet.trafficClass() == first.trafficClass();
  }

  private void append(PacketView packet) {
    int payload = packet.payloadLength();
    Bench.iovec(bench.writeVector, count, bench.address(packet.payload()), payload);
    count++;
    bytes += payload;
    nextSequence += payload;
    int psh = TcpHeader.flags(packet) & TcpHeader.PSH;
    if (psh != 0) {
      int at = first.transport() + 13;
      Bytes.put8(bench.packets, at, Bytes.u8(bench.packets, at) | psh);
    }
    closed = psh != 0 || payload < gsoSize;
  }

  /** Writes what was taken. */
  void flush(Tunnel tunnel) {
    if (count == 0) {
      return;
    }
    int pieces = count;
    count = 0;
    ByteBuffer memory = bench.packets;
    int start = first.start();
    if (pieces == 1) {
      VirtioNet.plain(memory, start - VirtioNet.BYTES);
    } else {
      finish(memory, start);
    }
    NativeMemory vector = bench.writeVector;
    written(tunnel, Vectors.writev(tunnel.device(), vector.address(), pieces), pieces);
  }

  private void finish(ByteBuffer memory, int start) {
    if (first.version() == 4) {
      Bytes.put16(memory, start + 2, bytes);
      Checksum.fillHeader(memory, start);
    } else {
      Bytes.put16(memory, start + 4, bytes - PacketView.IPV6_BYTES);
    }
    int pseudo = Checksum.pseudoHeader(first, bytes - first.headerLength());
    Bytes.put16(memory, first.transport() + 16, pseudo);
    VirtioNet.partial(memory, start - VirtioNet.BYTES, first, gsoSize);
  }

  /** Writes a packet as it is, with a header that says nothing. */
  private void write(Tunnel tunnel, int start, int length) {
    VirtioNet.plain(bench.packets, start - VirtioNet.BYTES);
    writeWithHeader(tunnel, start, length);
  }

  /** Writes a packet with the header that is before it. */
  void writeWithHeader(Tunnel tunnel, int start, int length) {
    NativeMemory vector = bench.sendVector;
    long address = bench.address(start - VirtioNet.BYTES);
    Bench.iovec(vector, 0, address, VirtioNet.BYTES + length);
    written(tunnel, Vectors.writev(tunnel.device(), vector.address(), 1), 1);
  }

  private static void written(Tunnel tunnel, long result, int packets) {
    if (result < 0) {
      tunnel.drop(DropReason.KERNEL, packets);
    }
  }
}
