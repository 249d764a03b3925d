package dev.oxbow.app.forward;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable.Layout;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a process that carries connections has a service from: it embeds it, or uses that of
 * another process through its socket; afresh, or with what another process has handed over.
 *
 * @param <S> the service's interface
 * @param title as people write it
 * @param socket a control socket; null to embed the service
 * @param layout of what is handed over, by its name
 * @param opener opens it
 */
public record ServiceSource<S>(
    String title, @Nullable Path socket, Map<String, Layout> layout, Opener<S> opener) {
  private static final Logger log = LoggerFactory.getLogger(ServiceSource.class);
  private static final long START_SECONDS = 30;

  /** Descriptors that are left to the JVM and to connections on their way. */
  private static final int OWN_DESCRIPTORS = 512;

  private static final int LEAST_DESCRIPTORS = 64;

  /** Opens a service. */
  @FunctionalInterface
  public interface Opener<S> {
    /**
     * Opens it.
     *
     * @param handed over by another process; null to start afresh
     */
    Future<S> open(Vertx vertx, @Nullable Cargo handed);
  }

  /**
   * A Splicer.
   *
   * @param options get a section for it if it is to be embedded
   */
  public static ServiceSource<Splicer> splicer(
      @Nullable Path socket, String app, OxbowOptions options) {
    if (socket == null) {
      options.setSplicer(new SplicerOptions());
    }
    return socket == null
        ? new ServiceSource<>(
            "Splicer",
            null,
            Splicer.embeddedLayout(),
            (vertx, handed) ->
                handed == null
                    ? Splicer.embedded(vertx, options)
                    : Splicer.embedded(vertx, options, handed))
        : new ServiceSource<>(
            "Splicer",
            socket,
            Splicer.remoteLayout(),
            (vertx, handed) ->
                handed == null
                    ? Splicer.remote(vertx, socket, app)
                    : Future.succeededFuture(Splicer.remote(vertx, socket, app, handed)));
  }

  /** Opens it; fails with {@link StartException}. */
  public Future<S> open(Vertx vertx, Map<String, Cargo> handed) {
    Cargo cargo = handed.get(layout.keySet().iterator().next());
    return Future.<Void>succeededFuture()
        .compose(v -> opener.open(vertx, cargo))
        .recover(this::refused);
  }

  private Future<S> refused(Throwable cause) {
    log.debug("no {}", title, cause);
    String how =
        socket == null ? "Cannot embed a " + title : "Cannot use the " + title + " at " + socket;
    return Future.failedFuture(new StartException(how + ": " + cause.getMessage(), cause));
  }

  /**
   * For services that are embedded: this process is the only caller, so it may have all that the
   * process may open.
   *
   * @param directory the runtime directory
   */
  public static OxbowOptions options(Path directory) {
    long limit = Math.min(1 << 20, Syscalls.descriptorLimit());
    int descriptors = (int) Math.max(LEAST_DESCRIPTORS, limit - OWN_DESCRIPTORS);
    return new OxbowOptions(directory)
        .setQuotas(
            new QuotaOptions()
                .setDescriptors(descriptors)
                .setRelays(descriptors / 2)
                .setHeldBytes(Integer.MAX_VALUE));
  }

  /** Does something on a context and waits for the end. Blocks; on another thread. */
  public static <T> T await(Context context, Supplier<Future<T>> task) throws TimeoutException {
    Promise<T> done = Promise.promise();
    context.runOnContext(
        unused -> Future.<Void>succeededFuture().compose(x -> task.get()).onComplete(done));
    return await(done.future());
  }

  /** Waits for something that a start needs. Blocks. */
  public static <T> T await(Future<T> started) throws TimeoutException {
    return started.await(START_SECONDS, TimeUnit.SECONDS);
  }
}
