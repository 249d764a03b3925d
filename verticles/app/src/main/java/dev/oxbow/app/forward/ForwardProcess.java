package dev.oxbow.app.forward;

import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.upgrade.PrivateDirectory;
import dev.oxbow.app.upgrade.ServedProcess;
import dev.oxbow.app.upgrade.Work;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.cargo.Transferable.Layout;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerVerticle;
import io.vertx.core.Context;
import io.vertx.core.Future;
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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a process of {@code oxbow forward} does. */
final class ForwardProcess implements Work {
  private static final Logger log = LoggerFactory.getLogger(ForwardProcess.class);

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
  private final ServiceSource<Splicer> splicers;
  private @Nullable Splicer splicer;
  private @Nullable Forwarder forwarder;
  private @Nullable Context context;

  private ForwardProcess(Plan plan, Path directory) {
    this.plan = plan;
    this.options = ServiceSource.options(directory);
    this.splicers = ServiceSource.splicer(plan.splicer(), plan.app(), options);
  }

  /**
   * Forwards until a signal says stop, or until another process has taken over. Blocks.
   *
   * @return the exit status
   * @throws StartException when it cannot start
   */
  static int run(Plan plan) throws Exception {
    return PrivateDirectory.live(
        plan.runtimeDir(),
        directory -> {
          ForwardProcess work = new ForwardProcess(plan, directory);
          return ServedProcess.run(work, work.options, false);
        });
  }

  @Override
  public Map<String, Layout> layouts() {
    Map<String, Layout> layouts = new HashMap<>(splicers.layout());
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
    return ServiceSource.await(
        own,
        () ->
            splicers
                .open(vertx, inherited)
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
    ServiceSource.await(
        Objects.requireNonNull(context),
        () -> {
          working.close();
          return Future.succeededFuture();
        });
    Objects.requireNonNull(splicer).close().await(seconds, TimeUnit.SECONDS);
  }
}
