package dev.oxbow.app.demo;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The longest time in which nothing came for a client, for each of several, looked at every
 * millisecond on a thread of its own.
 */
final class Stalls implements AutoCloseable {
  private static final long LOOK_NANOS = 1_000_000;

  private final List<Bulk> bulks;
  private final long[] received;
  private final long[] since;
  private final long[] longest;
  private final Thread thread;
  private boolean over;

  /** Begins to look. */
  Stalls(List<Bulk> bulks) {
    this.bulks = bulks;
    this.received = bulks.stream().mapToLong(Bulk::received).toArray();
    this.since = new long[bulks.size()];
    this.longest = new long[bulks.size()];
    reset();
    thread = new Thread(this::watch, "stalls");
    thread.setDaemon(true);
    thread.start();
  }

  /** Forgets what was until now. */
  synchronized void reset() {
    long now = System.nanoTime();
    for (int i = 0; i < since.length; i++) {
      since[i] = now;
      longest[i] = 0;
    }
  }

  private void watch() {
    while (look()) {
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  private synchronized boolean look() {
    long now = System.nanoTime();
    for (int i = 0; i < since.length; i++) {
      Bulk bulk = bulks.get(i);
      if (bulk.underWay()) {
        longest[i] = Math.max(longest[i], now - since[i]);
      }
      if (bulk.received() != received[i]) {
        received[i] = bulk.received();
        since[i] = now;
      }
    }
    return !over;
  }

  /** Of one of them, in milliseconds; what lasts until now counts, too. */
  synchronized long longestMs(int which) {
    return TimeUnit.NANOSECONDS.toMillis(longest[which]);
  }

  @Override
  public void close() {
    synchronized (this) {
      over = true;
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
