package dev.oxbow.app.upgrade;

import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.program.Priority;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes this JVM quick at hand-overs by practising them, once in its life: a successor before it
 * takes over, and a process that has started afresh some seconds after its start, or when its
 * successor starts if that is earlier. Without it the first hand-over would be interpreted and its
 * pauses several times as long; so a failure is logged, and no more.
 */
public final class WarmUp {
  private static final Logger log = LoggerFactory.getLogger(WarmUp.class);

  /** Compilers need about this much processor time, their own included, to be through. */
  private static final Duration CPU = Duration.ofMillis(250);

  /** Where others leave too little of the processors. */
  private static final Duration WALL = Duration.ofMillis(800);

  private static final long PATIENCE_SECONDS = 10;
  private static final AtomicBoolean DONE = new AtomicBoolean();

  private WarmUp() {}

  /** Hands over and back what nobody uses, until so much time has passed. Blocks. */
  @FunctionalInterface
  public interface Practice {
    void run(Vertx vertx, Duration cpu, Duration wall);
  }

  /** One after the other, each with its share of the time, whatever becomes of others. Blocks. */
  public static void share(List<Practice> all, Vertx vertx, Duration cpu, Duration wall) {
    all.forEach(one -> practise(vertx, one, cpu.dividedBy(all.size()), wall.dividedBy(all.size())));
  }

  /** Before this process takes over: its Vert.x has nothing else to do. Blocks. */
  static void beforeTakeOver(Vertx vertx, Practice practice) {
    if (DONE.compareAndSet(false, true)) {
      practise(vertx, practice, CPU, WALL);
      // What the start has left behind would else be collected while flows are paused.
      System.gc();
    }
  }

  /** While this process serves: at low priority, on event loops of its own. Blocks. */
  static void whileServing(Practice practice) {
    if (DONE.compareAndSet(false, true)) {
      try {
        Priority.lowerThisThread();
      } catch (IOException e) {
        log.warn("practises at full priority", e);
      }
      practiseApart(practice, CPU, WALL);
    }
  }

  /** All that a practice needs is loaded: once through. Blocks. */
  public static void once(Practice practice) {
    practiseApart(practice, Duration.ZERO, Duration.ZERO);
  }

  private static void practiseApart(Practice practice, Duration cpu, Duration wall) {
    Vertx vertx = NativeVertx.open(1);
    practise(vertx, practice, cpu, wall);
    try {
      vertx.close().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      log.warn("the event loop of the practice does not end", e);
    }
  }

  private static void practise(Vertx vertx, Practice practice, Duration cpu, Duration wall) {
    long began = System.nanoTime();
    try {
      practice.run(vertx, cpu, wall);
      log.debug("practised for {} ms", (System.nanoTime() - began) / 1_000_000);
    } catch (Exception | OutOfMemoryError e) {
      // Of any kind: a future that fails throws what it failed with.
      log.warn("hand-over could not be practised: pauses may be longer: {}", e.toString());
      log.debug("why", e);
    }
  }
}
