package dev.oxbow.app.demo.client;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Holds a task back to so many units a second, until it is released. */
final class Pace {
  private static final double NANOS_PER_SECOND = 1e9;

  private final double nanosPerUnit;
  private final CountDownLatch released = new CountDownLatch(1);
  private final long began = System.nanoTime();

  /**
   * @param unitsPerSecond 0 for no limit
   */
  Pace(long unitsPerSecond) {
    nanosPerUnit = unitsPerSecond == 0 ? 0 : NANOS_PER_SECOND / unitsPerSecond;
  }

  /** Ends the limit. Any thread. */
  void release() {
    released.countDown();
  }

  /**
   * Waits until so many units may have been done.
   *
   * @return whether the limit has ended
   */
  boolean reached(long units) throws InterruptedException {
    long due = began + (long) (units * nanosPerUnit);
    return released.await(Math.max(0, due - System.nanoTime()), TimeUnit.NANOSECONDS);
  }
}
