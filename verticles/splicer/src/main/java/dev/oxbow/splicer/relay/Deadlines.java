package dev.oxbow.splicer.relay;

/** When a relay's limits will have passed, in nanoseconds of CLOCK_MONOTONIC. */
final class Deadlines {
  private static final long NANOS_PER_MS = 1_000_000;

  private final RelaySpec spec;
  private final RelayRecord record;

  Deadlines(RelaySpec spec, RelayRecord record) {
    this.spec = spec;
    this.record = record;
  }

  /** The earliest of them as things stand; {@link Long#MAX_VALUE} for none. */
  long next(boolean halfClosed) {
    long next = after(record.startNanos(), spec.maxDurationMs());
    next = Math.min(next, after(record.activityNanos(), spec.idleTimeoutMs()));
    return halfClosed
        ? Math.min(next, after(record.activityNanos(), spec.halfCloseTimeoutMs()))
        : next;
  }

  /** Which limit has passed, given that one has. */
  EndReason passed(long now, boolean halfClosed) {
    if (now >= after(record.startNanos(), spec.maxDurationMs())) {
      return EndReason.MAX_DURATION;
    }
    boolean half = halfClosed && now >= after(record.activityNanos(), spec.halfCloseTimeoutMs());
    return half ? EndReason.HALF_CLOSE_TIMEOUT : EndReason.IDLE;
  }

  private static long after(long nanos, long limitMs) {
    return limitMs == 0 || limitMs > (Long.MAX_VALUE - nanos) / NANOS_PER_MS
        ? Long.MAX_VALUE
        : nanos + limitMs * NANOS_PER_MS;
  }
}
