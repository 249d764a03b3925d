package dev.oxbow.app.forward;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Signals;
import dev.oxbow.app.program.CacheKeeper;
import dev.oxbow.app.program.PrivateCopy;
import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.systemd.ServiceManager;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The life of one process that forwards. */
final class ForwardProcess {
  private static final Logger log = LoggerFactory.getLogger(ForwardProcess.class);
  private static final long START_SECONDS = 30;
  private static final long STOP_SECONDS = 10;

  /** Descriptors that are left to the JVM and to connections on their way to the target. */
  private static final int OWN_DESCRIPTORS = 512;

  /**
   * What to forward and how.
   *
   * @param listen where to listen; as many as targets
   * @param to where the connections accepted at the same index go
   * @param splicer a control socket; null to embed a Splicer
   * @param app names the mailbox at the Splicer's
   */
  record Plan(
      List<Address> listen,
      List<Address> to,
      @Nullable Path splicer,
      String app,
      ForwardLimits limits,
      long connectTimeoutMs,
      LogFormat format) {}

  /** What was started. */
  private record Running(Splicer splicer, List<Acceptor> acceptors) {}

  private ForwardProcess() {}

  /**
   * Forwards until a signal says stop. Blocks.
   *
   * @return the exit status
   * @throws StartException when it cannot start
   */
  static int run(Plan plan) throws Exception {
    NativeVertx.requireMachine();
    CountDownLatch stop = Signals.stopRequested();
    List<Target> targets = plan.to().stream().map(Target::of).toList();
    CacheKeeper keeper = CacheKeeper.start(PrivateCopy.current());
    try (ActivatedSockets activated =
        ActivatedSockets.of(System.getenv(), ProcessHandle.current().pid())) {
      return run(plan, targets, activated, stop);
    } finally {
      keeper.close();
    }
  }

  private static int run(
      Plan plan, List<Target> targets, ActivatedSockets activated, CountDownLatch stop)
      throws Exception {
    ServiceManager manager = ServiceManager.of(System.getenv());
    Vertx vertx = NativeVertx.open(0);
    try {
      Context context = vertx.getOrCreateContext();
      Running running =
          onContext(
              context,
              () ->
                  splicer(vertx, plan)
                      .map(splicer -> start(context, splicer, plan, targets, activated)));
      manager.ready("forwards " + targets.size() + " addresses");
      stop.await();
      manager.stopping();
      return stop(context, running);
    } finally {
      vertx.close().await(STOP_SECONDS, TimeUnit.SECONDS);
    }
  }

  private static Future<Splicer> splicer(Vertx vertx, Plan plan) {
    Path socket = plan.splicer();
    if (socket == null) {
      return Splicer.embedded(vertx, embeddedOptions())
          .recover(e -> refused("Cannot embed a Splicer: ", e));
    }
    return Splicer.remote(vertx, socket, plan.app())
        .recover(e -> refused("Cannot use the Splicer at " + socket + ": ", e));
  }

  private static <T> Future<T> refused(String sentence, Throwable cause) {
    log.debug("no Splicer", cause);
    return Future.failedFuture(new StartException(sentence + cause.getMessage(), cause));
  }

  /** This process is the only caller, so it may have all that the process may open. */
  private static OxbowOptions embeddedOptions() {
    long limit = Math.min(1 << 20, Syscalls.descriptorLimit());
    int descriptors = (int) Math.max(2, limit - OWN_DESCRIPTORS);
    return new OxbowOptions(Path.of("/run/oxbow"))
        .setSplicer(new SplicerOptions())
        .setQuotas(
            new QuotaOptions().setDescriptors(descriptors).setRelays(Math.max(1, descriptors / 2)));
  }

  /** Takes reports in the same turn in which the Splicer is there, so that none is missed. */
  private static Running start(
      Context context,
      Splicer splicer,
      Plan plan,
      List<Target> targets,
      ActivatedSockets activated) {
    AccessLog accessLog =
        new AccessLog(plan.format(), new FileOutputStream(FileDescriptor.out), Clock.systemUTC());
    Forwarder forwarder =
        new Forwarder(context, splicer, accessLog, plan.limits(), plan.connectTimeoutMs());
    List<Acceptor> acceptors = new ArrayList<>();
    try {
      for (int i = 0; i < targets.size(); i++) {
        Address address = plan.listen().get(i);
        Target target = targets.get(i);
        acceptors.add(
            activated
                .takeTcpListener(address.port())
                .map(listener -> forwarder.adopt(listener, target))
                .orElseGet(() -> forwarder.listen(address, target)));
      }
      activated.requireAllTaken();
    } catch (RuntimeException e) {
      acceptors.forEach(Acceptor::close);
      throw e;
    }
    for (int i = 0; i < targets.size(); i++) {
      acceptors.get(i).start();
      log.info("forwarding {} to {}", acceptors.get(i).localAddress(), targets.get(i));
    }
    return new Running(splicer, acceptors);
  }

  /** An embedded Splicer aborts its relays and reports them; a remote one keeps them. */
  private static int stop(Context context, Running running) throws TimeoutException {
    onContext(
        context,
        () -> {
          running.acceptors().forEach(Acceptor::close);
          return Future.succeededFuture();
        });
    try {
      running.splicer().close().await(STOP_SECONDS, TimeUnit.SECONDS);
      return ExitStatus.OK;
    } catch (TimeoutException e) {
      log.error("not stopped in order within {} s: ending all the same", STOP_SECONDS);
      return ExitStatus.FAILED;
    }
  }

  private static <T> T onContext(Context context, Supplier<Future<T>> task)
      throws TimeoutException {
    Promise<T> done = Promise.promise();
    context.runOnContext(
        unused -> Future.<Void>succeededFuture().compose(x -> task.get()).onComplete(done));
    return done.future().await(START_SECONDS, TimeUnit.SECONDS);
  }
}
