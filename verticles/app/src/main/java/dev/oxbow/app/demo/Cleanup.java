package dev.oxbow.app.demo;

import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What to undo, last first, at the end or when the JVM is told to end before that. A step that
 * fails is logged and does not keep the others from being done. Any thread.
 */
final class Cleanup implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Cleanup.class);

  private final Deque<Step> steps = new ArrayDeque<>();
  private boolean closed;

  /** Undoes one thing. */
  @FunctionalInterface
  interface Step {
    void undo() throws Exception;
  }

  Cleanup() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::close, "cleanup"));
  }

  /** Remembers a step; when all was undone already, undoes it at once. */
  synchronized void add(Step step) {
    if (closed) {
      undo(step);
    } else {
      steps.push(step);
    }
  }

  /** Undoes everything. Idempotent. */
  @Override
  public synchronized void close() {
    closed = true;
    while (!steps.isEmpty()) {
      undo(steps.pop());
    }
  }

  private static void undo(Step step) {
    try {
      step.undo();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      log.warn("interrupted while cleaning up");
    } catch (Exception e) {
      log.warn("cleaning up: {}", e.toString());
    }
  }
}
