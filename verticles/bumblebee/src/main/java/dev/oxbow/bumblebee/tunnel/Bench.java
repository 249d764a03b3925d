package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Vectors;
import java.nio.ByteBuffer;

/**
 * Where the packets of one event loop lie while they are worked on, and the vectors that system
 * calls want. Allocated once; empty between two turns.
 */
final class Bench {

  /** Bytes before each packet, for a virtio_net_hdr; keeps packets aligned. */
  static final int HEAD_BYTES = 64;

  /** Longest packet: IPv4's, and what a tun gives at most. */
  static final int PACKET_BYTES = 65_535;

  /** Packets in a batch at most. */
  static final int BATCH = 128;

  /** Instead of a length: longer than there was room for. */
  static final int TOO_LONG = -1;

  /** Instead of a length: the virtio_net_hdr is cut, or nothing follows it. */
  static final int NO_HEADER = -2;

  /** Room for the headers of a segment: more than IPv4's or IPv6's and TCP's longest. */
  static final int SEGMENT_HEADER_BYTES = 256;

  private static final int LARGE = 16;
  private static final int AREA_BYTES = LARGE * (PACKET_BYTES + 1 + HEAD_BYTES);
  private static final int ANSWER_BYTES = 2048;
  private static final int HEADERS_BYTES = BATCH * SEGMENT_HEADER_BYTES;

  final NativeMemory area = NativeMemory.allocate(AREA_BYTES);

  /** The bytes of the area, in native order. */
  final ByteBuffer packets = area.view();

  /** Where the packets of the batch begin in the area, behind their heads. */
  final int[] start = new int[BATCH];

  /** Their length; 0 for an empty message, {@link #TOO_LONG} and {@link #NO_HEADER}. */
  final int[] length = new int[BATCH];

  private final NativeMemory answerArea = NativeMemory.allocate(ANSWER_BYTES);

  /** For a packet of our own, from {@link #HEAD_BYTES} on. */
  final ByteBuffer answer = answerArea.view();

  private final NativeMemory headerArea = NativeMemory.allocate(HEADERS_BYTES);

  /** For the headers of segments, {@link #SEGMENT_HEADER_BYTES} each. */
  final ByteBuffer headers = headerArea.view();

  final NativeMemory receiveVector = NativeMemory.allocate(BATCH * Vectors.IOVEC_BYTES);
  final NativeMemory receiveMessages = NativeMemory.allocate(BATCH * Vectors.MMSGHDR_BYTES);
  final NativeMemory sendVector = NativeMemory.allocate(2 * BATCH * Vectors.IOVEC_BYTES);
  final NativeMemory sendMessages = NativeMemory.allocate(BATCH * Vectors.MMSGHDR_BYTES);
  final NativeMemory writeVector = NativeMemory.allocate(2 * BATCH * Vectors.IOVEC_BYTES);

  /** The packet that is worked on. */
  final PacketView packet = new PacketView();

  /** What an ICMP error is about. */
  final PacketView quoted = new PacketView();

  private int preparedStride;
  private int preparedHeader;

  Bench() {
    for (int i = 0; i < BATCH; i++) {
      message(receiveMessages, i, receiveVector.address() + (long) i * Vectors.IOVEC_BYTES, 1);
    }
  }

  private static void message(NativeMemory messages, int i, long iovecs, int count) {
    int at = i * Vectors.MMSGHDR_BYTES;
    messages.putLong(at + Vectors.MMSG_IOVEC, iovecs);
    messages.putLong(at + Vectors.MMSG_IOVEC_COUNT, count);
  }

  /** How many packets of such a length a batch has at most. */
  static int batch(int packetBytes) {
    return Math.min(BATCH, AREA_BYTES / stride(packetBytes));
  }

  private static int stride(int packetBytes) {
    return HEAD_BYTES + packetBytes + 63 & ~63;
  }

  /**
   * Makes the vectors for receiving: place by place, each for a header and a packet.
   *
   * @param headerBytes of the virtio_net_hdr of the flow, or 0
   */
  void prepare(int headerBytes, int packetBytes) {
    int stride = stride(packetBytes);
    if (preparedStride == stride && preparedHeader == headerBytes) {
      return;
    }
    preparedStride = stride;
    preparedHeader = headerBytes;
    for (int i = 0; i < batch(packetBytes); i++) {
      start[i] = i * stride + HEAD_BYTES;
      iovec(receiveVector, i, address(start[i] - headerBytes), headerBytes + packetBytes);
    }
  }

  /** The address of a place in the area. */
  long address(int at) {
    return area.address() + at;
  }

  long answerAddress(int at) {
    return answerArea.address() + at;
  }

  long headerAddress(int at) {
    return headerArea.address() + at;
  }

  static void iovec(NativeMemory vector, int i, long address, long bytes) {
    vector.putLong(i * Vectors.IOVEC_BYTES, address);
    vector.putLong(i * Vectors.IOVEC_BYTES + 8, bytes);
  }

  /** Makes the i-th message to send of some of the pieces in the vector. */
  void sendMessage(int i, int firstIovec, int count) {
    message(sendMessages, i, sendVector.address() + (long) firstIovec * Vectors.IOVEC_BYTES, count);
  }
}
