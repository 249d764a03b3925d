package dev.oxbow.handoff.task;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Counts tasks that were started and have not finished, and tells when there is none. It holds
 * nothing of finished tasks: a service that has done a million holds memory for those that live.
 * What runs in a group also runs in its parent. Thread-safe.
 */
public final class TaskGroup {
  private final @Nullable TaskGroup parent;
  private final List<Promise<Void>> waiting = new ArrayList<>();
  private long live;

  /** A group of its own. */
  public TaskGroup() {
    this(null);
  }

  private TaskGroup(@Nullable TaskGroup parent) {
    this.parent = parent;
  }

  /** A group whose tasks count in this one too. */
  public TaskGroup child() {
    return new TaskGroup(this);
  }

  /** A task begins. */
  public void begin() {
    synchronized (this) {
      live++;
    }
    if (parent != null) {
      parent.begin();
    }
  }

  /**
   * A task has finished.
   *
   * @throws IllegalStateException when none was running
   */
  public void end() {
    List<Promise<Void>> idle = List.of();
    synchronized (this) {
      if (live == 0) {
        throw new IllegalStateException("no task is running");
      }
      live--;
      if (live == 0 && !waiting.isEmpty()) {
        idle = List.copyOf(waiting);
        waiting.clear();
      }
    }
    idle.forEach(Promise::complete);
    if (parent != null) {
      parent.end();
    }
  }

  /** Tasks that run now. */
  public synchronized long live() {
    return live;
  }

  /** Completes as soon as no task runs; at once when none does. */
  public Future<Void> whenIdle() {
    synchronized (this) {
      if (live > 0) {
        Promise<Void> promise = Promise.promise();
        waiting.add(promise);
        return promise.future();
      }
    }
    return Future.succeededFuture();
  }
}
