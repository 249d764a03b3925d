package dev.oxbow.fdpassing.testing;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A Vert.x on native epoll and one of its event loops, for one test. */
public final class EpollVertx implements AutoCloseable {
  private static final int TIMEOUT_SECONDS = 30;

  private final Vertx vertx;
  private final Context context;

  private EpollVertx(Vertx vertx) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
  }

  /** Starts one with a single event loop. */
  public static EpollVertx open() {
    VertxOptions options = new VertxOptions().setPreferNativeTransport(true);
    return new EpollVertx(Vertx.vertx(options.setEventLoopPoolSize(1)));
  }

  public Vertx vertx() {
    return vertx;
  }

  /** A context of the event loop, the same at each call. */
  public Context context() {
    return context;
  }

  /** Calls something on the event loop and waits for what it returns. */
  public <T> T call(Callable<T> task) {
    CompletableFuture<T> result = new CompletableFuture<>();
    context.runOnContext(
        started -> {
          try {
            result.complete(task.call());
          } catch (Exception | AssertionError e) {
            result.completeExceptionally(e);
          }
        });
    return await(result);
  }

  /** Runs something on the event loop and waits until it has. */
  public void run(Runnable task) {
    call(
        () -> {
          task.run();
          return true;
        });
  }

  /** Waits for a future; rethrows its failure where that is unchecked. */
  public static <T> T await(Future<T> future) {
    return await(future.toCompletionStage().toCompletableFuture());
  }

  private static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new AssertionError(e.getCause());
    } catch (TimeoutException | InterruptedException e) {
      throw new AssertionError("nothing came of it", e);
    }
  }

  @Override
  public void close() {
    await(vertx.close());
  }
}
