package dev.oxbow.codecs.offload;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a super-packet into the packets that it stands for, with complete checksums, as the kernel
 * does (net/ipv4/tcp_offload.c, udp_offload.c). One at a time: {@link #begin}, then for each of
 * {@link #count} segments {@link #next}, or {@link #nextHeader} and the payload where it lies.
 *
 * <p>A TCP segment that is too long for where it goes is cut smaller, which is TCP's right; a UDP
 * datagram is not.
 */
public final class Segmenter {
  private static final int LAST_ONLY = TcpHeader.FIN | TcpHeader.PSH;
  private static final int UNCUT = TcpHeader.SYN | TcpHeader.RST | TcpHeader.URG;

  private ByteBuffer memory = ByteBuffer.allocate(0);
  private boolean v4;
  private boolean tcp;
  private boolean checksum;
  private int start;
  private int ipBytes;
  private int headerBytes;
  private int checksumAt;
  private int end;
  private int size;
  private int count;
  private int index;
  private int at;
  private int length;
  private int pseudo;

  /**
   * Takes a packet, which must stay as it is until the last segment.
   *
   * @param packet TCP or UDP whose checksum may be partial, or anything that is small enough
   * @param segmentBytes of payload in each segment: {@link VirtioNetHeader#segmentBytes}; 0 when
   *     the packet is to be cut only if it is too long
   * @param mtu largest packet that may come out, in bytes
   * @return {@link Defect#TOO_BIG} when that cannot be, else null
   */
  public @Nullable Defect begin(PacketView packet, int segmentBytes, int mtu) {
    memory = packet.memory();
    start = packet.start();
    end = packet.end();
    v4 = packet.version() == 4;
    tcp = packet.hasPorts() && packet.protocol() == IpProtocol.TCP;
    ipBytes = packet.headerLength();
    headerBytes = packet.payload() - start;
    at = packet.payload();
    index = 0;
    int room = mtu - headerBytes;
    int payload = packet.payloadLength();
    size = segmentBytes == 0 ? payload : segmentBytes;
    if (size > room) {
      // What is one packet already may be longer than what it is cut into.
      boolean fits = payload <= room;
      if (!fits && (!tcp || room <= 0)) {
        return Defect.TOO_BIG;
      }
      size = room;
    }
    count = payload <= size ? 1 : (payload + size - 1) / size;
    if (count > 1 && tcp && (TcpHeader.flags(packet) & UNCUT) != 0) {
      return Defect.TOO_BIG;
    }
    checksumAt = packet.checksumAt() - start;
    checksum = packet.hasPorts() && (count > 1 || packet.checksumPartial());
    pseudo = checksum ? Checksum.pseudoHeader(packet, 0) : 0;
    return null;
  }

  /** Number of segments; 1 when the packet needs no cut. */
  public int count() {
    return count;
  }

  /** Goes on with a certain segment, the first one being 0. */
  public void seek(int segment) {
    index = segment;
  }

  /** Whether there are more segments. */
  public boolean hasNext() {
    return index < count;
  }

  /** Position of the payload of the segment whose header was written last. */
  public int payload() {
    return at;
  }

  /** Bytes of that payload. */
  public int payloadLength() {
    return length;
  }

  /** Bytes of the headers of every segment. */
  public int headerLength() {
    return headerBytes;
  }

  /**
   * Writes the next segment.
   *
   * @param to outside of the packet's bytes
   * @return its length
   */
  public int next(ByteBuffer to, int position) {
    int header = nextHeader(to, position);
    to.put(position + header, memory, at, length);
    return header + length;
  }

  /**
   * Writes the headers of the next segment; its payload is {@link #payloadLength()} bytes at {@link
   * #payload()} of the packet's memory.
   *
   * @param to outside of the packet's bytes
   * @return the length of the headers
   */
  public int nextHeader(ByteBuffer to, int position) {
    at = start + headerBytes + index * size;
    length = Math.min(size, end - at);
    to.put(position, memory, start, headerBytes);
    if (count > 1) {
      writeLengths(to, position);
      if (tcp) {
        writeTcp(to, position + ipBytes);
      }
    }
    if (checksum) {
      writeChecksum(to, position);
    }
    index++;
    return headerBytes;
  }

  private void writeLengths(ByteBuffer to, int position) {
    int total = headerBytes + length;
    if (v4) {
      Bytes.put16(to, position + 2, total);
      Bytes.put16(to, position + 4, Bytes.u16(memory, start + 4) + index);
      Checksum.fillHeader(to, position);
    } else {
      Bytes.put16(to, position + 4, total - PacketView.IPV6_BYTES);
    }
    if (!tcp) {
      Bytes.put16(to, position + ipBytes + 4, total - ipBytes);
    }
  }

  private void writeTcp(ByteBuffer to, int header) {
    Bytes.put32(to, header + 4, Bytes.u32(memory, start + ipBytes + 4) + index * size);
    int flags = Bytes.u8(to, header + 13);
    flags &= index == 0 ? 0xff : ~TcpHeader.CWR;
    flags &= index == count - 1 ? 0xff : ~LAST_ONLY;
    Bytes.put8(to, header + 13, flags);
  }

  private void writeChecksum(ByteBuffer to, int position) {
    int field = position + checksumAt;
    int header = headerBytes - ipBytes;
    Bytes.put16(to, field, 0);
    long sum = (long) pseudo + header + length;
    sum += Checksum.sum(to, position + ipBytes, header);
    sum += Checksum.sum(memory, at, length);
    int value = ~Checksum.fold(sum) & 0xffff;
    Bytes.put16(to, field, value == 0 && !tcp ? 0xffff : value);
  }
}
