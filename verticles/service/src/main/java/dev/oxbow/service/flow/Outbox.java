package dev.oxbow.service.flow;

import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.offload.Segmenter;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Vectors;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Messages that go to one {@link FlowPort} with one system call: packets where they lie, and
 * segments that super-packets are cut into, whose headers are written here and whose payload stays
 * where it is. Allocated once; loop thread only.
 */
public final class Outbox {

  /** Room for a virtio_net_hdr before, and for more than IPv4's or IPv6's and TCP's longest. */
  private static final int HEADERS_BYTES = Bench.HEAD_BYTES + 256;

  private static final int MESSAGES = Bench.BATCH;
  private static final int PIECES = 2;

  private final NativeMemory vector =
      NativeMemory.allocate(PIECES * MESSAGES * Vectors.IOVEC_BYTES);
  private final NativeMemory messages = NativeMemory.allocate(MESSAGES * Vectors.MMSGHDR_BYTES);
  private final NativeMemory headerArea = NativeMemory.allocate(MESSAGES * HEADERS_BYTES);
  private final ByteBuffer headers = headerArea.view();
  private final Segmenter segmenter = new Segmenter();
  private int count;
  private int first;

  /** Forgets all messages. */
  public void clear() {
    count = 0;
    first = 0;
  }

  /** Whether there is room for no more. */
  public boolean isFull() {
    return count == MESSAGES;
  }

  /** How many messages have not been taken yet. */
  public int size() {
    return count - first;
  }

  /** Adds a message that lies in one piece and stays there until it was taken. */
  public void add(long address, int bytes) {
    int piece = PIECES * count;
    Bench.iovec(vector, piece, address, bytes);
    Bench.message(messages, count++, pieceAddress(piece), 1);
  }

  /**
   * Takes a packet to be cut, which must stay as it is until its last segment was taken.
   *
   * @param segmentBytes of payload in each segment; 0 when it is cut only if it is too long
   * @param mtu largest packet that may come out, in bytes
   * @return {@link Defect#TOO_BIG} when that cannot be, else null
   */
  public @Nullable Defect cut(PacketView packet, int segmentBytes, int mtu) {
    Defect defect = segmenter.begin(packet, segmentBytes, mtu);
    boolean fits = segmenter.headerLength() <= HEADERS_BYTES - Bench.HEAD_BYTES;
    return defect == null && !fits ? Defect.TOO_BIG : defect;
  }

  /** How many segments the packet has. */
  public int segments() {
    return segmenter.count();
  }

  /**
   * Adds segments of the packet while there is room.
   *
   * @param from the first of them
   * @param memory address of the first byte of the memory that the packet lies in
   * @param headBytes of a virtio_net_hdr that says nothing, before each; or 0
   * @return the segment after the last one that was added
   */
  public int addSegments(int from, long memory, int headBytes) {
    int to = Math.min(segmenter.count(), from + MESSAGES - count);
    segmenter.seek(from);
    for (int i = from; i < to; i++) {
      int at = count * HEADERS_BYTES + Bench.HEAD_BYTES;
      int header = segmenter.nextHeader(headers, at);
      if (headBytes > 0) {
        VirtioNetHeader.writePlain(headers, at - headBytes);
      }
      int piece = PIECES * count;
      Bench.iovec(vector, piece, headerArea.address() + at - headBytes, (long) header + headBytes);
      Bench.iovec(vector, piece + 1, memory + segmenter.payload(), segmenter.payloadLength());
      Bench.message(messages, count++, pieceAddress(piece), PIECES);
    }
    return to;
  }

  private long pieceAddress(int piece) {
    return vector.address() + (long) piece * Vectors.IOVEC_BYTES;
  }

  /** Leaves out the first messages: they were taken, or never will be. */
  public void skip(int messages) {
    first += messages;
  }

  /** Bytes of the first message. */
  public int bytes() {
    long bytes = 0;
    for (int i = 0; i < pieces(first); i++) {
      bytes += vector.getLong((PIECES * first + i) * Vectors.IOVEC_BYTES + 8);
    }
    return (int) bytes;
  }

  /** Copies the first message. */
  public void copy(NativeMemory to, int at) {
    int end = at;
    for (int i = 0; i < pieces(first); i++) {
      int piece = (PIECES * first + i) * Vectors.IOVEC_BYTES;
      int bytes = (int) vector.getLong(piece + 8);
      to.copyFrom(end, vector.getLong(piece), bytes);
      end += bytes;
    }
  }

  private int pieces(int message) {
    return (int) messages.getLong(message * Vectors.MMSGHDR_BYTES + Vectors.MMSG_IOVEC_COUNT);
  }

  /** Sends to a socket: how many it took, or the negated error number if it took none. */
  int send(int socket) {
    long at = messages.address() + (long) first * Vectors.MMSGHDR_BYTES;
    return Vectors.sendmmsg(socket, at, size());
  }

  /**
   * Writes to a tun; likewise.
   *
   * @param own whether it is ours, and non-blocking
   */
  int write(int tun, boolean own) {
    for (int i = first; i < count; i++) {
      long at = pieceAddress(PIECES * i);
      long n = own ? Vectors.writev(tun, at, pieces(i)) : Vectors.writeNow(tun, at, pieces(i));
      if (n < 0) {
        return i == first ? (int) n : i - first;
      }
    }
    return size();
  }
}
