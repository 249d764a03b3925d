package dev.oxbow.pair.link;

import dev.oxbow.fish.partner.PartnerLink.Kind;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicLong;

/** Messages that the other end has not acknowledged. Thread of the link only, where not said. */
final class UnderWay {

  /** Bytes at most. */
  private static final long MOST = 16 << 20;

  /** And for loans more: they are few, and would find no room beside connections that are many. */
  private static final long FOR_LOANS = 4 << 20;

  private final AtomicLong bytes = new AtomicLong();
  private final Deque<Sent> unacknowledged = new ArrayDeque<>();
  private volatile long oldestNanos;

  private record Sent(long number, int bytes, long nanos) {}

  /** Makes room for a message; false when there is none. Any thread. */
  boolean reserve(Kind kind, int length) {
    if (bytes.addAndGet(length) > (kind == Kind.LOANS ? MOST + FOR_LOANS : MOST)) {
      release(length);
      return false;
    }
    return true;
  }

  /** A message that had room is not sent. Any thread. */
  void release(int length) {
    bytes.addAndGet(-length);
  }

  /** A message that had room is sent. */
  void sent(long number, int length) {
    unacknowledged.add(new Sent(number, length, System.nanoTime()));
    noteOldest();
  }

  /** All messages up to this one have come. */
  void acknowledged(long number) {
    for (Sent first = unacknowledged.peek();
        first != null && first.number <= number;
        first = unacknowledged.peek()) {
      unacknowledged.remove();
      release(first.bytes);
    }
    noteOldest();
  }

  /** All are lost. */
  void clear() {
    unacknowledged.forEach(each -> release(each.bytes));
    unacknowledged.clear();
    noteOldest();
  }

  private void noteOldest() {
    Sent oldest = unacknowledged.peek();
    oldestNanos = oldest == null ? 0 : oldest.nanos;
  }

  /** Any thread. */
  long bytes() {
    return bytes.get();
  }

  /** How long the oldest message has waited; 0 when there is none. Any thread. */
  long waitsNanos() {
    long oldest = oldestNanos;
    return oldest == 0 ? 0 : System.nanoTime() - oldest;
  }
}
