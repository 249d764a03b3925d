package dev.oxbow.pair.loan;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * What this process has asked for, of one kind, and not seen answered: when, since a loan begins
 * with its request. What is asked at one time may be several requests. A number that is answered,
 * or that was asked many times ago, is forgotten, and so is all when the process ends; what is not
 * known here lends nothing.
 */
final class Requests {

  /** On a link that is slower than retries, the answer to an earlier one counts, too. */
  private static final int KEPT = 64;

  /** For {@link #answered}: nobody waits for it. */
  static final long UNASKED = Long.MIN_VALUE;

  private final Map<Long, Long> sentMs = new HashMap<>();

  /** When it asked, the last time last. */
  private final Deque<Long> timesMs = new ArrayDeque<>();

  void sent(long number, long nowMs) {
    if (timesMs.isEmpty() || timesMs.getLast() != nowMs) {
      timesMs.add(nowMs);
      if (timesMs.size() > KEPT) {
        long goneMs = timesMs.remove();
        sentMs.values().removeIf(ms -> ms == goneMs);
      }
    }
    sentMs.put(number, nowMs);
  }

  /** Whether it asked last so long ago, or never. */
  boolean isDue(long nowMs, long retryMs) {
    return timesMs.isEmpty() || nowMs - timesMs.getLast() >= retryMs;
  }

  /** When it was sent, once only; or {@link #UNASKED}. */
  long answered(long number) {
    Long askedMs = sentMs.remove(number);
    return askedMs == null ? UNASKED : askedMs;
  }

  /** Waits for none of them any more. */
  void cancel() {
    sentMs.clear();
  }
}
