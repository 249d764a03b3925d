package dev.oxbow.fdpassing.testing;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for what another thread or process does and cannot tell. */
public final class Await {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);
  private static final long POLL_NANOS = TimeUnit.MICROSECONDS.toNanos(500);

  private Await() {}

  /**
   * Returns as soon as the condition holds.
   *
   * @param what the condition in words, for the {@link AssertionError} when it never does
   */
  public static void until(String what, BooleanSupplier condition) {
    until(what, PATIENCE_NANOS, condition);
  }

  /**
   * As the other.
   *
   * @param patienceNanos how long it may take on a machine that is busy with other things
   */
  public static void until(String what, long patienceNanos, BooleanSupplier condition) {
    long deadline = System.nanoTime() + patienceNanos;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline >= 0) {
        throw new AssertionError("never came true: " + what);
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }
}
