package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Vectors;
import java.nio.ByteBuffer;

/**
 * Where the packets of one turn lie, and the vectors that system calls want. Allocated once; empty
 * between two turns. One thread.
 */
final class PacketBatch {

  /** Packets at most. */
  static final int PACKETS = 64;

  /** Instead of a length: longer than there was room for. */
  static final int TOO_LONG = -1;

  private static final int AREA_BYTES = 2 << 20;
  private static final int MSG_TRUNC = 0x20;

  private final NativeMemory area = NativeMemory.allocate(AREA_BYTES);
  private final ByteBuffer memory = area.view();
  private final NativeMemory vectors = NativeMemory.allocate(PACKETS * Vectors.IOVEC_BYTES);
  private final NativeMemory messages = NativeMemory.allocate(PACKETS * Vectors.MMSGHDR_BYTES);
  private final int[] lengths = new int[PACKETS];
  private int stride;
  private int room;

  PacketBatch() {
    for (int i = 0; i < PACKETS; i++) {
      int at = i * Vectors.MMSGHDR_BYTES;
      long vector = vectors.address() + (long) i * Vectors.IOVEC_BYTES;
      messages.putLong(at + Vectors.MMSG_IOVEC, vector);
      messages.putLong(at + Vectors.MMSG_IOVEC_COUNT, 1);
    }
  }

  /** The memory that all packets lie in, native order. */
  ByteBuffer memory() {
    return memory;
  }

  /** Where a packet begins. */
  int start(int packet) {
    return packet * stride;
  }

  /** Its bytes; 0 for an empty message. */
  int length(int packet) {
    return lengths[packet];
  }

  /** The address of a place in the memory. */
  long address(int at) {
    return area.address() + at;
  }

  /**
   * Receives messages of a socket.
   *
   * @param longest packet, in bytes
   * @return how many, or the negated error number
   */
  int receive(int socket, int longest) {
    int count = prepare(longest);
    int n = Vectors.recvmmsg(socket, messages.address(), count);
    for (int i = 0; i < n; i++) {
      int at = i * Vectors.MMSGHDR_BYTES;
      boolean cut = (messages.getInt(at + Vectors.MMSG_FLAGS) & MSG_TRUNC) != 0;
      lengths[i] = cut ? TOO_LONG : messages.getInt(at + Vectors.MMSG_LENGTH);
    }
    return n;
  }

  /**
   * Reads packets of a tun.
   *
   * @return how many, or the negated error number
   */
  int read(int tun, int longest) {
    // A tun cuts what does not fit without saying so: a byte more tells.
    int count = prepare(Math.min(longest + 1, 0x10000));
    for (int i = 0; i < count; i++) {
      long vector = vectors.address() + (long) i * Vectors.IOVEC_BYTES;
      long n = Vectors.readNow(tun, vector, 1);
      if (n < 0) {
        return i == 0 ? (int) n : i;
      }
      lengths[i] = n > longest ? TOO_LONG : (int) n;
    }
    return count;
  }

  private int prepare(int bytes) {
    if (room != bytes) {
      room = bytes;
      stride = (bytes + 63) & ~63;
      for (int i = 0; i < count(); i++) {
        vectors.putLong(i * Vectors.IOVEC_BYTES, address(start(i)));
        vectors.putLong(i * Vectors.IOVEC_BYTES + 8, bytes);
      }
    }
    return count();
  }

  private int count() {
    return Math.min(PACKETS, AREA_BYTES / stride);
  }
}
