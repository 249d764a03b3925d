package dev.oxbow.service.work;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.Iterator;
import java.util.function.Consumer;

/** Steps on an event loop, and work that is done a little in each of its turns. */
public final class Turns {
  private static final int PER_TURN = 16;

  private Turns() {}

  /**
   * Does something with each item, on a loop's thread and called there; fails when that does.
   *
   * @param items nothing may be added or removed meanwhile
   */
  public static <T> Future<Void> each(DescriptorLoop loop, Iterable<T> items, Consumer<T> action) {
    Promise<Void> done = Promise.promise();
    some(loop, items.iterator(), action, done);
    return done.future();
  }

  /** Runs a step on a loop, soon; completes there, and fails when the step does. Any thread. */
  public static Future<Void> call(DescriptorLoop loop, Runnable step) {
    Promise<Void> done = Promise.promise();
    loop.execute(
        () -> {
          try {
            step.run();
            done.complete();
          } catch (RuntimeException e) {
            done.fail(e);
          }
        });
    return done.future();
  }

  private static <T> void some(
      DescriptorLoop loop, Iterator<T> items, Consumer<T> action, Promise<Void> done) {
    try {
      for (int i = 0; i < PER_TURN && items.hasNext(); i++) {
        action.accept(items.next());
      }
    } catch (RuntimeException e) {
      done.fail(e);
      return;
    }
    if (items.hasNext()) {
      loop.schedule(() -> some(loop, items, action, done), 0);
    } else {
      done.complete();
    }
  }
}
