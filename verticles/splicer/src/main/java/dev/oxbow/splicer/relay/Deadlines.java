package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.eventloop.Timer;
import org.jspecify.annotations.Nullable;

/**
 * When a relay's limits will have passed, in nanoseconds of CLOCK_MONOTONIC, and the timer for the
 * next of them. Loop thread only.
 */
final class Deadlines {
  private static final long NANOS_PER_MS = 1_000_000;

  private final RelayLoop loop;
  private final RelaySpec spec;
  private final RelayRecord record;
  private final Relay relay;
  private @Nullable Timer timer;
  private long timerNanos;

  /**
   * @param relay looks when a deadline may have passed
   */
  Deadlines(RelayLoop loop, RelaySpec spec, RelayRecord record, Relay relay) {
    this.loop = loop;
    this.spec = spec;
    this.record = record;
    this.relay = relay;
  }

  /**
   * Makes sure that somebody looks at a time, or before.
   *
   * @param next {@link Long#MAX_VALUE} for never
   */
  void arm(long next) {
    if (next == Long.MAX_VALUE || (timer != null && timerNanos <= next)) {
      return;
    }
    disarm();
    timerNanos = next;
    timer = loop.schedule(this::fired, next - System.nanoTime());
  }

  private void fired() {
    timer = null;
    relay.fired();
  }

  /** Nobody looks any more. */
  void disarm() {
    if (timer != null) {
      timer.cancel();
      timer = null;
    }
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
