package dev.oxbow.handoff.upgrade;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Successors that have connected, on their way to the upgrade that waits for them. */
final class Arrivals {
  private static final int LOOK_MS = 20;

  /** On a busy machine a successor of low priority might not arrive at all. */
  private static final long LOW_PRIORITY_NANOS = 1_000_000_000L;

  private final BlockingQueue<Arrival> queue = new LinkedBlockingQueue<>();
  private Runnable hurry = () -> {};
  private volatile @Nullable Process child;

  /** The successor has connected, and its first message is still to come. */
  private volatile boolean connected;

  private volatile @Nullable Process lastChild;

  /** Gives the successor that was started last its full priority. */
  void hurry() {
    hurry.run();
  }

  /** Whether an upgrade waits for this process. */
  boolean awaits(long pid) {
    Process process = child;
    return process != null && isOf(pid, process.pid());
  }

  /** Notes that the process which an upgrade waits for has connected; false for another one. */
  boolean connected(long pid) {
    boolean awaited = awaits(pid);
    connected |= awaited;
    return awaited;
  }

  void add(Arrival arrival) {
    queue.add(arrival);
  }

  /**
   * Starts a successor and waits until it connects.
   *
   * @param check is called now and then, and throws when nobody wants an upgrade any more
   * @throws UpgradeException when it ends before it does, or takes too long
   */
  Arrival spawned(Plan.Launcher launcher, Path socket, int deadlineMs, Runnable check) {
    Plan.Launched launched;
    try {
      launched = launcher.start(socket);
    } catch (IOException e) {
      throw new UpgradeException(Stage.SPAWN, "cannot start the successor: " + e.getMessage(), e);
    }
    Process process = launched.process();
    hurry = launched.hurry();
    connected = false;
    child = process;
    try {
      long began = System.nanoTime();
      long until = began + deadlineMs * 1_000_000L;
      boolean hurried = false;
      while (System.nanoTime() < until) {
        check.run();
        if (!hurried && System.nanoTime() - began > LOW_PRIORITY_NANOS) {
          hurried = true;
          hurry.run();
        }
        Arrival arrival = queue.poll(LOOK_MS, TimeUnit.MILLISECONDS);
        if (arrival != null) {
          return arrival;
        }
        if (!process.isAlive()) {
          throw new UpgradeException(Stage.SPAWN, "the successor" + ended(process));
        }
      }
      String what = connected ? "has connected and not said a word" : "has not connected";
      throw new UpgradeException(
          Stage.SPAWN, "the successor " + what + " within " + deadlineMs + " ms");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UpgradeException(Stage.SPAWN, "interrupted", e);
    } catch (UpgradeException e) {
      // A command that is a wrapper has the successor itself for a child.
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      throw e;
    } finally {
      forget(process);
    }
  }

  /** What it came to, when the process was started here and has ended; else nothing. */
  String exitOf(long pid) {
    Process process = lastChild;
    if (process == null || process.pid() != pid) {
      return "";
    }
    try {
      return process.waitFor(LOOK_MS, TimeUnit.MILLISECONDS) ? ": it" + ended(process) : "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }

  /** Nobody waits any more. */
  private void forget(Process process) {
    lastChild = process;
    child = null;
    Arrival late = queue.poll();
    while (late != null) {
      late.close();
      late = queue.poll();
    }
  }

  /** Has ended, by a signal (above 128) or by itself. */
  private static String ended(Process process) {
    int status = process.exitValue();
    return status > 128 ? " was ended by signal " + (status - 128) : " ended with status " + status;
  }

  /** Whether a process is another one, or was started by it: a command may be a wrapper. */
  private static boolean isOf(long pid, long ancestor) {
    for (ProcessHandle at = ProcessHandle.of(pid).orElse(null);
        at != null;
        at = at.parent().orElse(null)) {
      if (at.pid() == ancestor) {
        return true;
      }
    }
    return false;
  }
}
