package dev.oxbow.service.work;

import dev.oxbow.fdpassing.eventloop.Timer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a loop awake for a moment after a small message, since the answer, or the next question,
 * often comes sooner than a thread falls asleep and is woken: the sender would pay for the waking
 * too. Whoever has waited in vain waits more rarely, down to once in {@link #RAREST} messages,
 * until a message comes in time again. Loop thread only.
 */
public final class BusyPoll {

  /** Messages per attempt when none has succeeded for long. */
  static final int RAREST = 64;

  private static final long NANOS_PER_MICRO = 1_000;

  private final Function<Runnable, Timer> everyTurn;
  private final LongSupplier clock;
  private final long windowNanos;
  private @Nullable Timer polling;
  private long until;

  /** Whether epoll has been looked at since the last message. */
  private boolean looked;

  /** Whether a message came while the loop was kept awake. */
  private boolean worthwhile;

  private int pause = 1;
  private int untilNext = 1;

  /**
   * @param everyTurn runs a task in each turn of the loop and keeps it awake
   * @param clock nanoseconds
   * @param windowMicros how long after a message; 0 for not at all
   */
  public BusyPoll(Function<Runnable, Timer> everyTurn, LongSupplier clock, int windowMicros) {
    this.everyTurn = everyTurn;
    this.clock = clock;
    this.windowNanos = windowMicros * NANOS_PER_MICRO;
  }

  /** A message has passed; {@code now} as the clock tells it, or a little before. */
  public void messagePassed(long now) {
    if (windowNanos == 0) {
      return;
    }
    until = now + windowNanos;
    if (polling != null) {
      if (looked) {
        worthwhile = true;
        pause = 1;
      }
      looked = false;
    } else if (--untilNext <= 0) {
      looked = false;
      worthwhile = false;
      polling = everyTurn.apply(this::turn);
    }
  }

  private void turn() {
    if (clock.getAsLong() - until < 0) {
      looked = true;
      return;
    }
    if (polling != null) {
      polling.cancel();
      polling = null;
    }
    if (!worthwhile) {
      pause = Math.min(2 * pause, RAREST);
    }
    untilNext = pause;
  }
}
