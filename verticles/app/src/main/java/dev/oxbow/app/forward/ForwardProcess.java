package dev.oxbow.app.forward;

import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.upgrade.InPlace;
import dev.oxbow.app.upgrade.PrivateDirectory;
import dev.oxbow.app.upgrade.ServedProcess;
import dev.oxbow.app.upgrade.Work;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.cargo.Transferable.Layout;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerVerticle;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a process of {@code oxbow forward} does. */
final class ForwardProcess implements Work {
  private static final Logger log = LoggerFactory.getLogger(ForwardProcess.class);
  private static final long START_SECONDS = 30;

  /** Descriptors that are left to the JVM and to connections on their way to the target. */
  private static final int OWN_DESCRIPTORS = 512;

  /**
   * What to forward and how.
   *
   * @param listen where to listen; as many as targets
   * @param to where the connections accepted at the same index go
   * @param splicer a control socket; null to embed a Splicer
   * @param app names the mailbox at the Splicer's
   * @param runtimeDir where it is asked to let itself be replaced; null for a directory of its own
   */
  record Plan(
      List<Address> listen,
      List<Address> to,
      @Nullable Path splicer,
      String app,
      ForwardLimits limits,
      long connectTimeoutMs,
      LogFormat format,
      @Nullable Path runtimeDir) {}

  private final Plan plan;
  private final OxbowOptions options;
  private @Nullable Splicer splicer;
  private @Nullable Forwarder forwarder;
  private @Nullable Context context;

  private ForwardProcess(Plan plan, Path directory) {
    this.plan = plan;
    this.options = plan.splicer() == null ? embedding(directory) : new OxbowOptions(directory);
  }

  /**
   * Forwards until a signal says stop, or until another process has taken over. Blocks.
   *
   * @return the exit status
   * @throws StartException when it cannot start
   */
  static int run(Plan plan) throws Exception {
    Path chosen = plan.runtimeDir();
    if (chosen != null) {
      return run(plan, chosen.toAbsolutePath());
    }
    NativeVertx.requireMachine();
    Path own = InPlace.directory().orElseGet(() -> PrivateDirectory.make(System.getenv()));
    try {
      return run(plan, own);
    } finally {
      PrivateDirectory.remove(own);
    }
  }

  private static int run(Plan plan, Path directory) throws Exception {
    ForwardProcess work = new ForwardProcess(plan, directory);
    return ServedProcess.run(work, work.options, false);
  }

  /** This process is the only caller, so it may have all that the process may open. */
  private static OxbowOptions embedding(Path directory) {
    long limit = Math.min(1 << 20, Syscalls.descriptorLimit());
    int descriptors = (int) Math.max(2, limit - OWN_DESCRIPTORS);
    return new OxbowOptions(directory)
        .setSplicer(new SplicerOptions())
        .setQuotas(
            new QuotaOptions().setDescriptors(descriptors).setRelays(Math.max(1, descriptors / 2)));
  }

  @Override
  public Map<String, Layout> layouts() {
    Map<String, Layout> layouts =
        new HashMap<>(plan.splicer() == null ? Splicer.embeddedLayout() : Splicer.remoteLayout());
    layouts.put(Forwarder.NAME, Forwarder.LAYOUT);
    return layouts;
  }

  @Override
  public List<Transferable> start(
      Vertx vertx, ActivatedSockets activated, @Nullable Map<String, Cargo> cargos)
      throws TimeoutException {
    List<Target> targets = plan.to().stream().map(Target::of).toList();
    Context own = vertx.getOrCreateContext();
    context = own;
    Map<String, Cargo> inherited = cargos == null ? Map.of() : cargos;
    return onContext(
        own,
        () ->
            splicer(vertx, inherited)
                .map(
                    made -> {
                      splicer = made;
                      Forwarder working = forwarder(own, made, targets, activated, inherited);
                      forwarder = working;
                      // In this order nothing new comes to a Splicer that is frozen.
                      return List.of(working, made.transferable());
                    }));
  }

  @Override
  public void practise(Vertx vertx, Duration cpu, Duration wall) {
    if (plan.splicer() == null) {
      SplicerVerticle.practise(vertx, cpu, wall);
    }
  }

  private Future<Splicer> splicer(Vertx vertx, Map<String, Cargo> inherited) {
    Path socket = plan.splicer();
    if (socket == null) {
      Cargo cargo = one(inherited, Splicer.embeddedLayout());
      return (cargo == null
              ? Splicer.embedded(vertx, options)
              : Splicer.embedded(vertx, options, cargo))
          .recover(e -> refused("Cannot embed a Splicer: ", e));
    }
    Cargo cargo = one(inherited, Splicer.remoteLayout());
    return (cargo == null
            ? Splicer.remote(vertx, socket, plan.app())
            : Future.succeededFuture(Splicer.remote(vertx, socket, plan.app(), cargo)))
        .recover(e -> refused("Cannot use the Splicer at " + socket + ": ", e));
  }

  private static @Nullable Cargo one(Map<String, Cargo> cargos, Map<String, Layout> layout) {
    return cargos.get(layout.keySet().iterator().next());
  }

  private static <T> Future<T> refused(String sentence, Throwable cause) {
    log.debug("no Splicer", cause);
    return Future.failedFuture(new StartException(sentence + cause.getMessage(), cause));
  }

  /** Takes reports in the same turn in which the Splicer is there, so that none is missed. */
  private Forwarder forwarder(
      Context own,
      Splicer made,
      List<Target> targets,
      ActivatedSockets activated,
      Map<String, Cargo> inherited) {
    AccessLog accessLog =
        new AccessLog(plan.format(), new FileOutputStream(FileDescriptor.out), Clock.systemUTC());
    Forwarder working = new Forwarder(own, made, accessLog, plan.limits(), plan.connectTimeoutMs());
    Cargo cargo = inherited.get(Forwarder.NAME);
    if (cargo != null) {
      working.hold();
      ForwarderStore.restore(working, plan.listen(), targets, cargo);
      return working;
    }
    try {
      for (int i = 0; i < targets.size(); i++) {
        listen(working, plan.listen().get(i), targets.get(i), activated);
      }
      activated.requireAllTaken();
    } catch (RuntimeException e) {
      working.close();
      throw e;
    }
    working.start();
    return working;
  }

  private static void listen(
      Forwarder working, Address address, Target target, ActivatedSockets activated) {
    Optional<Descriptor> passed = activated.takeTcpListener(address.port());
    if (passed.isPresent()) {
      working.adopt(address, passed.get(), target);
    } else {
      working.listen(address, target);
    }
  }

  @Override
  public String status(Path directory) {
    return "forwards " + plan.listen().size() + " addresses";
  }

  @Override
  public void serving(Path directory) {
    for (Forwarder.Route route : Objects.requireNonNull(forwarder).routes()) {
      log.info("forwarding {} to {}", route.localAddress(), route.target());
    }
  }

  /** An embedded Splicer aborts its relays and reports them; a remote one keeps them. */
  @Override
  public void stop(long seconds) throws TimeoutException {
    Forwarder working = Objects.requireNonNull(forwarder);
    onContext(
        Objects.requireNonNull(context),
        () -> {
          working.close();
          return Future.succeededFuture();
        });
    Objects.requireNonNull(splicer).close().await(seconds, TimeUnit.SECONDS);
  }

  private static <T> T onContext(Context context, Supplier<Future<T>> task)
      throws TimeoutException {
    Promise<T> done = Promise.promise();
    context.runOnContext(
        unused -> Future.<Void>succeededFuture().compose(x -> task.get()).onComplete(done));
    return done.future().await(START_SECONDS, TimeUnit.SECONDS);
  }
}
