package dev.oxbow.pair.loan;

import java.util.Arrays;

/**
 * What this process has asked for and not seen answered: when, since a loan begins with its
 * request. A number that is answered, or that many others followed, is forgotten, and so is all
 * when the process ends; what is not known here lends nothing.
 */
final class Requests {

  /** On a link that is slower than a retry, the answer to an earlier one counts, too. */
  private static final int KEPT = 8;

  /** For {@link #answered}: nobody waits for it. */
  static final long UNASKED = Long.MIN_VALUE;

  private final long[] numbers = new long[KEPT];
  private final long[] sentMs = new long[KEPT];
  private int next;
  private long lastMs = UNASKED;

  void sent(long number, long nowMs) {
    numbers[next] = number;
    sentMs[next] = nowMs;
    next = (next + 1) % KEPT;
    lastMs = nowMs;
  }

  /** Whether the last one was sent so long ago, or none was. */
  boolean isDue(long nowMs, long retryMs) {
    return lastMs == UNASKED || nowMs - lastMs >= retryMs;
  }

  /** When it was sent, once only; or {@link #UNASKED}. */
  long answered(long number) {
    for (int i = 0; i < KEPT; i++) {
      if (number != 0 && numbers[i] == number) {
        numbers[i] = 0;
        return sentMs[i];
      }
    }
    return UNASKED;
  }

  /** Waits for none of them any more. */
  void cancel() {
    Arrays.fill(numbers, 0);
  }
}
