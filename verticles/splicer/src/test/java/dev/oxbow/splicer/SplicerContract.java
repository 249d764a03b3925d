package dev.oxbow.splicer;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Everything that a Splicer promises, wherever its relays run. */
@DescriptorLeaks
abstract class SplicerContract
    implements ReturnPromises,
        EndPromises,
        LimitPromises,
        AbortPromises,
        TrafficPromises,
        RefusalPromises,
        ListPromises {

  private final int loops;
  private @Nullable Vertx vertx;
  private @Nullable Splicer splicer;
  @TempDir Path directory;

  /**
   * @param loops on how many event loops it relays
   */
  SplicerContract(int loops) {
    this.loops = loops;
  }

  /** Starts what is tested. */
  abstract Future<Splicer> open(Vertx in, OxbowOptions options);

  @BeforeEach
  void open() {
    vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setEventLoopPoolSize(3));
    OxbowOptions options = new OxbowOptions(directory);
    options.setSplicer(new SplicerOptions().setLoops(loops));
    splicer = EpollVertx.await(open(vertx, options));
  }

  @AfterEach
  void close() {
    EpollVertx.await(splicer().close());
    EpollVertx.await(vertx().close());
  }

  @Override
  public Vertx vertx() {
    return Objects.requireNonNull(vertx);
  }

  @Override
  public Splicer splicer() {
    return Objects.requireNonNull(splicer);
  }
}
