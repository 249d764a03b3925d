package dev.oxbow.it.handoff;

import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A stream of ever-increasing 64-bit counters from one socket to another. The receiver knows at
 * once what was lost, doubled or swapped, and by the first counter, whose stream it is. One thread;
 * the counts can be read on any.
 */
final class Ramp {
  private static final int BUFFER_BYTES = 64 << 10;
  private static final int COUNTERS_BEGIN = 40;

  private final long begin;
  private final int from;
  private final int to;
  private final long window;
  private final int mostReadBytes;
  private final NativeMemory buffer = NativeMemory.allocate(BUFFER_BYTES + Long.BYTES);
  private final NativeMemory received = NativeMemory.allocate(BUFFER_BYTES);
  private final AtomicLong sent = new AtomicLong();
  private final AtomicLong got = new AtomicLong();
  private long mostSent = Long.MAX_VALUE;
  private int skipped;

  /**
   * @param number different for each stream
   * @param from descriptor that is written to
   * @param to descriptor that is read from
   * @param window bytes that may be on the way
   * @param mostReadBytes how much is read at once, 64 KiB at most
   */
  Ramp(int number, int from, int to, long window, int mostReadBytes) {
    this.begin = (long) number << COUNTERS_BEGIN;
    this.from = from;
    this.to = to;
    this.window = window;
    this.mostReadBytes = mostReadBytes;
  }

  /** The bytes of the stream from some position, such as what a prelude is to begin with. */
  byte[] bytes(int length) {
    fill(0, length);
    return buffer.bytes(0, length);
  }

  /** The first bytes were sent in another way. */
  void skip(int length) {
    skipped = length;
    sent.set(length);
  }

  /** Bytes that were sent here, without those that were sent in another way. */
  long relayed() {
    return sent.get() - skipped;
  }

  /** Whether the receiver takes whatever is there. */
  boolean isBrisk() {
    return mostReadBytes == BUFFER_BYTES;
  }

  /** Bytes that were sent. */
  long sent() {
    return sent.get();
  }

  /** Bytes that have arrived and were right. */
  long got() {
    return got.get();
  }

  /** Sends no more from here on. */
  void end() {
    mostSent = sent.get();
  }

  /** Sends what fits, some bytes at most; whether any did. */
  boolean send(int most) {
    long position = sent.get();
    long room = Math.min(mostSent - position, window - (position - got.get()));
    int length = (int) Math.min(room, Math.min(most, BUFFER_BYTES));
    if (length <= 0) {
      return false;
    }
    fill(position, length);
    int into = (int) (position % Long.BYTES);
    long n = Sockets.send(from, buffer.address() + into, length, Sockets.MSG_DONTWAIT);
    if (n == Syscalls.AGAIN) {
      return false;
    }
    sent.addAndGet(n);
    return true;
  }

  /**
   * Receives and checks what is there; whether anything was.
   *
   * @throws AssertionError telling what is wrong with it
   */
  boolean receive() {
    long n;
    try {
      n = Sockets.recv(to, received.address(), mostReadBytes, Sockets.MSG_DONTWAIT);
    } catch (LinuxException e) {
      throw new AssertionError(this + ": " + e.getMessage(), e);
    }
    if (n == Syscalls.AGAIN) {
      return false;
    }
    if (n == 0) {
      throw new AssertionError(this + ": end");
    }
    long position = got.get();
    fill(position, (int) n);
    int into = (int) (position % Long.BYTES);
    ByteBuffer expected = buffer.view().slice(into, (int) n);
    int wrong = expected.mismatch(received.view().slice(0, (int) n));
    if (wrong >= 0) {
      throw new AssertionError(
          this + ": wrong at byte " + (position + wrong) + ", " + around(wrong));
    }
    got.addAndGet(n);
    return true;
  }

  private String around(int wrong) {
    int at = Math.max(0, Math.min(wrong, mostReadBytes - Long.BYTES));
    return Long.toHexString(received.getLong(at));
  }

  /** Fills the buffer with the counters around a position. */
  private void fill(long position, int length) {
    long counter = position / Long.BYTES;
    ByteBuffer view = buffer.view().order(ByteOrder.nativeOrder());
    int end = (int) (position % Long.BYTES) + length;
    for (int at = 0; at < end; at += Long.BYTES) {
      view.putLong(at, begin + counter++);
    }
  }

  @Override
  public String toString() {
    return "ramp " + (begin >> COUNTERS_BEGIN) + " (sent " + sent + ", got " + got + ")";
  }
}
