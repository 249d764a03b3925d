package dev.oxbow.service.verticle;

import static java.util.Objects.requireNonNull;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.upgrade.Drill;
import dev.oxbow.service.runtime.Version;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Hand-overs of a service that nobody uses, with work of its own making, so that the JVM has
 * compiled both sides of it before work of others waits for that. Leaves nothing behind. Blocks;
 * one thread, on no event loop.
 */
public abstract class ServicePractice implements Drill.Heir, AutoCloseable {

  /** How long a step may take. */
  protected static final int PATIENCE_SECONDS = 10;

  /** Without a control socket nothing is made there. */
  protected static final Path NOWHERE = Path.of("/nonexistent");

  private final Vertx vertx;
  private @Nullable ServiceVerticle home;
  private @Nullable ServiceVerticle heir;
  private boolean failed;

  protected ServicePractice(Vertx vertx) {
    this.vertx = vertx;
  }

  /** Starts the service, and work in it. */
  protected abstract ServiceVerticle start();

  /** Such a service with what another has handed over, not yet deployed. */
  protected abstract ServiceVerticle heirOf(Cargo cargo);

  /** Data through all of the work, both ways. */
  protected abstract void exchange();

  /**
   * Practises until the time is used up, at least once. When that fails, services and work are
   * given up at once, as if their processes had ended.
   *
   * @param cpu processor time of this process, all threads
   * @param wall time that passes
   */
  public final void run(Duration cpu, Duration wall) {
    long cpuLimit = cpuNanos() + cpu.toNanos();
    long deadline = System.nanoTime() + wall.toNanos();
    try (Drill drill = new Drill()) {
      ServiceVerticle own = start();
      home = own;
      drill.meet(Version.current(), own);
      do {
        exchange();
        drill.run(own, this);
      } while (cpuNanos() < cpuLimit && System.nanoTime() < deadline);
    } catch (Throwable e) {
      // Of any kind: a future that fails throws what it failed with.
      giveUp(heir, e);
      giveUp(home, e);
      throw e;
    }
  }

  /** Gives the service up as if its process had ended, unless that was done before. */
  protected final void giveUp() {
    ServiceVerticle own = home;
    if (own != null && !failed) {
      failed = true;
      await(own.giveUp());
    }
  }

  private void giveUp(@Nullable ServiceVerticle service, Throwable why) {
    if (service != null) {
      failed = true;
      try {
        await(service.giveUp());
      } catch (RuntimeException e) {
        why.addSuppressed(e);
      }
    }
  }

  private static long cpuNanos() {
    return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toNanos();
  }

  @Override
  public final Future<? extends Transferable> inherit(Cargo cargo) {
    ServiceVerticle next = heirOf(cargo);
    return vertx
        .deployVerticle(next)
        .map(
            id -> {
              heir = next;
              return next;
            });
  }

  @Override
  public final void works() {
    exchange();
  }

  @Override
  public final Future<Void> abandon() {
    ServiceVerticle last = requireNonNull(heir);
    heir = null;
    return last.giveUp();
  }

  /** Ends the work and the service. */
  @Override
  public abstract void close();

  /**
   * Waits for the reports of the work, whose other ends are closed, and closes the service.
   *
   * @param service closes it
   */
  protected final void finish(List<? extends Future<?>> reports, Supplier<Future<Void>> service) {
    if (failed) {
      // It was given up, with all of its work: only who waits for a report is still to be told.
      await(service.get().recover(e -> Future.succeededFuture()));
      return;
    }
    try {
      await(Future.all(reports));
    } finally {
      await(service.get());
    }
  }

  /** Waits for a step. */
  protected static <T> T await(Future<T> future) {
    try {
      return future.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new IllegalStateException("the practice hangs", e);
    }
  }
}
