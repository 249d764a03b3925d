package dev.oxbow.fish.session;

/**
 * How often something may happen: so many times a second, and after a quiet second as many at once.
 * Loop thread only; nothing is allocated.
 */
final class TokenBucket {
  private static final long SECOND_NANOS = 1_000_000_000;

  private final long perSecond;

  /** Tokens, each as many as nanoseconds are in a second, so that no part of one is lost. */
  private long level;

  private long lastNanos;

  /**
   * A full one.
   *
   * @param perSecond 1 to 1,000,000
   */
  TokenBucket(int perSecond) {
    this.perSecond = perSecond;
    this.level = perSecond * SECOND_NANOS;
  }

  /** Whether it may happen now. */
  boolean has(long nowNanos) {
    long elapsed = Math.min(SECOND_NANOS, nowNanos - lastNanos);
    lastNanos = nowNanos;
    if (elapsed > 0) {
      level = Math.min(perSecond * SECOND_NANOS, level + elapsed * perSecond);
    }
    return level >= SECOND_NANOS;
  }

  /** It happens. */
  void take() {
    level -= SECOND_NANOS;
  }
}
