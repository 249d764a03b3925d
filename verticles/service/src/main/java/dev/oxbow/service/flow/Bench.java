package dev.oxbow.service.flow;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Vectors;
import java.nio.ByteBuffer;

/**
 * Where the packets of one event loop lie while they are worked on, and the vectors that system
 * calls want to receive them. Allocated once; empty between two turns. Loop thread only.
 */
public final class Bench {

  /** Bytes before each packet, for a virtio_net_hdr; keeps packets aligned. */
  public static final int HEAD_BYTES = 64;

  /** Longest packet: IPv4's, and what a tun gives at most. */
  public static final int PACKET_BYTES = 65_535;

  /** Packets in a batch at most. */
  public static final int BATCH = 128;

  /** Instead of a length: longer than there was room for. */
  public static final int TOO_LONG = -1;

  /** Instead of a length: the virtio_net_hdr is cut, or nothing follows it. */
  public static final int NO_HEADER = -2;

  private static final int LARGE = 16;
  private static final int AREA_BYTES = LARGE * (PACKET_BYTES + 1 + HEAD_BYTES);

  /**
   * Bytes of a batch that is read packet by packet, after which it ends: what follows is read when
   * these have gone on, and the processor's caches still have them.
   */
  private static final int READ_BYTES = 256 << 10;

  private static final int ANSWER_BYTES = 2048;

  private final NativeMemory area = NativeMemory.allocate(AREA_BYTES);

  /** The bytes of the area, in native order. */
  public final ByteBuffer packets = area.view();

  /** Where the packets of the batch begin in the area, behind their heads. */
  public final int[] start = new int[BATCH];

  /** Their length; 0 for an empty message, {@link #TOO_LONG} and {@link #NO_HEADER}. */
  public final int[] length = new int[BATCH];

  private final NativeMemory answerArea = NativeMemory.allocate(ANSWER_BYTES);

  /** For a packet of our own, from {@link #HEAD_BYTES} on; what is before it is zero. */
  public final ByteBuffer answer = answerArea.view();

  /** For what is written to a device. */
  public final NativeMemory writeVector = NativeMemory.allocate((BATCH + 1) * Vectors.IOVEC_BYTES);

  final NativeMemory receiveVector = NativeMemory.allocate(BATCH * Vectors.IOVEC_BYTES);
  final NativeMemory receiveMessages = NativeMemory.allocate(BATCH * Vectors.MMSGHDR_BYTES);

  /** The packet that is worked on. */
  public final PacketView packet = new PacketView();

  /** What an ICMP error is about. */
  public final PacketView quoted = new PacketView();

  private int preparedBytes;
  private int preparedHeader;

  /** Makes an empty one. */
  public Bench() {
    for (int i = 0; i < BATCH; i++) {
      message(receiveMessages, i, receiveVector.address() + (long) i * Vectors.IOVEC_BYTES, 1);
    }
  }

  static void message(NativeMemory messages, int i, long iovecs, int count) {
    int at = i * Vectors.MMSGHDR_BYTES;
    messages.putLong(at + Vectors.MMSG_IOVEC, iovecs);
    messages.putLong(at + Vectors.MMSG_IOVEC_COUNT, count);
  }

  /** How many packets of such a length a batch of messages has at most. */
  static int batch(int packetBytes) {
    return Math.min(BATCH, AREA_BYTES / stride(packetBytes));
  }

  private static int stride(int packetBytes) {
    return HEAD_BYTES + packetBytes + 63 & ~63;
  }

  /**
   * Makes the vectors for receiving messages: place by place, each for a header and a packet.
   *
   * @param headerBytes of the virtio_net_hdr of the flow, or 0
   */
  void prepare(int headerBytes, int packetBytes) {
    if (preparedBytes == packetBytes && preparedHeader == headerBytes) {
      return;
    }
    int stride = stride(packetBytes);
    preparedBytes = packetBytes;
    preparedHeader = headerBytes;
    for (int i = 0; i < batch(packetBytes); i++) {
      start[i] = i * stride + HEAD_BYTES;
      iovec(receiveVector, i, address(start[i] - headerBytes), headerBytes + packetBytes);
    }
  }

  /**
   * Makes a vector for one packet behind those that were read into this batch.
   *
   * @param i number of the packet
   * @param end of the one before, or 0
   * @return false when the batch is as large as it may be
   */
  boolean prepareNext(int i, int end, int headerBytes, int packetBytes) {
    if (i == BATCH || (i > 0 && end > READ_BYTES)) {
      return false;
    }
    preparedBytes = 0;
    start[i] = (end + 63 & ~63) + HEAD_BYTES;
    iovec(receiveVector, 0, address(start[i] - headerBytes), headerBytes + packetBytes);
    return true;
  }

  /** The address of a place in the area. */
  public long address(int at) {
    return area.address() + at;
  }

  /** The address of a place in {@link #answer}. */
  public long answerAddress(int at) {
    return answerArea.address() + at;
  }

  /** Sets the i-th struct iovec of a vector. */
  public static void iovec(NativeMemory vector, int i, long address, long bytes) {
    vector.putLong(i * Vectors.IOVEC_BYTES, address);
    vector.putLong(i * Vectors.IOVEC_BYTES + 8, bytes);
  }
}
