package dev.oxbow.app.gateway;

import static java.util.Objects.requireNonNull;

import dev.oxbow.app.forward.AccessLog;
import dev.oxbow.app.forward.Attempts;
import dev.oxbow.app.forward.ForwardLimits;
import dev.oxbow.app.forward.LogFormat;
import dev.oxbow.app.forward.ServiceSource;
import dev.oxbow.app.forward.SplicedConnections;
import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.upgrade.PrivateDirectory;
import dev.oxbow.app.upgrade.ServedProcess;
import dev.oxbow.app.upgrade.WarmUp;
import dev.oxbow.app.upgrade.Work;
import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.BumblebeeVerticle;
import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.Fish;
import dev.oxbow.fish.FishVerticle;
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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a process of {@code oxbow gateway} does. */
final class GatewayProcess implements Work {
  private static final Logger log = LoggerFactory.getLogger(GatewayProcess.class);

  /** What a service dropped last is not worth a longer wait for one that is away. */
  private static final long LAST_LOOK_SECONDS = 2;

  /**
   * What to carry and how.
   *
   * @param tuns that clients are routed into
   * @param bumblebee a control socket; null to embed a Bumblebee
   * @param splicer a control socket; null to embed a Splicer
   * @param fish a control socket; null to embed a Fish, if any tun has a slice
   * @param app names the mailboxes
   * @param runtimeDir where it is asked to let itself be replaced; null for a directory of its own
   */
  record Plan(
      List<TunOptions> tuns,
      @Nullable Path bumblebee,
      @Nullable Path splicer,
      @Nullable Path fish,
      String app,
      ForwardLimits limits,
      long connectTimeoutMs,
      LogFormat format,
      @Nullable Path runtimeDir) {}

  private final Plan plan;
  private final OxbowOptions options;
  private final ServiceSource<Splicer> splicers;
  private final ServiceSource<Bumblebee> bumblebees;
  private final ServiceSource<Fish> fishes;
  private final Tunnels tunnels;
  private final Sessions sessions;
  private final DropLog drops;
  private Runnable end = () -> {};
  private @Nullable Splicer splicer;
  private @Nullable Bumblebee bumblebee;
  private @Nullable Fish fish;
  private @Nullable Context context;

  private GatewayProcess(Plan plan, Path directory) {
    this.plan = plan;
    this.options = ServiceSource.options(directory);
    this.splicers = ServiceSource.splicer(plan.splicer(), plan.app(), options);
    this.bumblebees = bumblebees(plan.bumblebee(), plan.app(), options);
    this.tunnels = new Tunnels(plan.tuns(), plan.app(), () -> end.run());
    this.sessions = new Sessions(plan.tuns(), plan.app(), () -> end.run());
    this.fishes = fishes(plan.fish(), plan.app(), options, sessions);
    this.drops = new DropLog(plan.app());
  }

  /**
   * Carries until a signal says stop, until a tun is gone, or until another process has taken over.
   * Blocks.
   *
   * @return the exit status
   * @throws StartException when it cannot start
   */
  static int run(Plan plan) throws Exception {
    return PrivateDirectory.live(
        plan.runtimeDir(),
        directory -> {
          GatewayProcess work = new GatewayProcess(plan, directory);
          return ServedProcess.run(work, work.options, false);
        });
  }

  private static ServiceSource<Bumblebee> bumblebees(
      @Nullable Path socket, String app, OxbowOptions options) {
    if (socket == null) {
      options.setBumblebee(new BumblebeeOptions());
      return new ServiceSource<>(
          "Bumblebee",
          null,
          Bumblebee.embeddedLayout(),
          (vertx, handed) ->
              handed == null
                  ? Bumblebee.embedded(vertx, options)
                  : Bumblebee.embedded(vertx, options, handed));
    }
    return new ServiceSource<>(
        "Bumblebee",
        socket,
        Bumblebee.remoteLayout(),
        (vertx, handed) ->
            handed == null
                ? Bumblebee.remote(vertx, socket, app)
                : Future.succeededFuture(Bumblebee.remote(vertx, socket, app, handed)));
  }

  private static ServiceSource<Fish> fishes(
      @Nullable Path socket, String app, OxbowOptions options, Sessions sessions) {
    if (socket == null) {
      options.setFish(sessions.isEmpty() ? null : new FishOptions().setEgress(sessions.grants()));
      return new ServiceSource<>(
          "Fish",
          null,
          Fish.embeddedLayout(),
          (vertx, handed) ->
              handed == null
                  ? Fish.embedded(vertx, options)
                  : Fish.embedded(vertx, options, handed));
    }
    return new ServiceSource<>(
        "Fish",
        socket,
        Fish.remoteLayout(),
        (vertx, handed) ->
            handed == null
                ? Fish.remote(vertx, socket, app)
                : Future.succeededFuture(Fish.remote(vertx, socket, app, handed)));
  }

  @Override
  public void canEnd(Runnable whenLost) {
    end = whenLost;
  }

  @Override
  public void stoppedBy(CountDownLatch stop) {
    sessions.stoppedBy(stop);
  }

  @Override
  public Map<String, Layout> layouts() {
    Map<String, Layout> layouts = new HashMap<>(splicers.layout());
    layouts.putAll(bumblebees.layout());
    if (!sessions.isEmpty()) {
      layouts.putAll(fishes.layout());
    }
    layouts.put(Gateway.NAME, Gateway.LAYOUT);
    return layouts;
  }

  @Override
  public List<Transferable> start(
      Vertx vertx, ActivatedSockets activated, @Nullable Map<String, Cargo> cargos)
      throws TimeoutException, InterruptedException {
    Context own = vertx.getOrCreateContext();
    context = own;
    Map<String, Cargo> inherited = cargos == null ? Map.of() : cargos;
    List<Transferable> services =
        ServiceSource.await(
            own,
            () ->
                splicers
                    .open(vertx, inherited)
                    .onSuccess(made -> splicer = made)
                    .compose(made -> bumblebees.open(vertx, inherited))
                    .onSuccess(made -> bumblebee = made)
                    .compose(made -> openFish(vertx, inherited))
                    .map(made -> services(vertx, own, inherited)));
    if (cargos == null) {
      tunnels.open(requireNonNull(bumblebee));
      if (fish != null) {
        sessions.open(fish);
      }
    }
    return services;
  }

  /** One, if anything leaves by it. */
  private Future<?> openFish(Vertx vertx, Map<String, Cargo> inherited) {
    return sessions.isEmpty()
        ? Future.succeededFuture()
        : fishes
            .open(vertx, inherited)
            .onSuccess(
                made -> {
                  fish = made;
                  made.unclaimedHandler(sessions::closed).exhaustedHandler(sessions::exhausted);
                });
  }

  /** In the same turn in which the services are there, so that nothing that they tell is missed. */
  private List<Transferable> services(Vertx vertx, Context own, Map<String, Cargo> inherited) {
    Splicer relays = requireNonNull(splicer);
    Bumblebee packets = requireNonNull(bumblebee);
    AccessLog accessLog =
        new AccessLog(plan.format(), new FileOutputStream(FileDescriptor.out), Clock.systemUTC());
    SplicedConnections spliced = new SplicedConnections(relays, accessLog, plan.limits());
    Attempts attempts = new Attempts(own, spliced, plan.connectTimeoutMs());
    DescriptorLoop loop = DescriptorLoop.of(own);
    Gateway gateway = new Gateway(loop, tunnels.labels(), packets.connections(), attempts, drops);
    packets.unclaimedHandler(tunnels::closed);
    vertx.setPeriodic(DropLog.INTERVAL_MS, timer -> look());
    Cargo cargo = inherited.get(Gateway.NAME);
    if (cargo == null) {
      gateway.start();
    } else {
      GatewayStore.restore(gateway, cargo);
    }
    // In this order nothing new comes to a service that is frozen.
    Stream<Transferable> egress = Stream.ofNullable(fish).map(Fish::transferable);
    return Stream.concat(Stream.of(gateway, packets.transferable(), relays.transferable()), egress)
        .toList();
  }

  private Future<?> look() {
    return drops.look(requireNonNull(bumblebee));
  }

  @Override
  public void practise(Vertx vertx, Duration cpu, Duration wall) {
    List<WarmUp.Practice> embedded = new ArrayList<>();
    if (plan.splicer() == null) {
      embedded.add(SplicerVerticle::practise);
    }
    if (plan.bumblebee() == null) {
      embedded.add(BumblebeeVerticle::practise);
    }
    if (plan.fish() == null && !sessions.isEmpty()) {
      embedded.add(FishVerticle::practise);
    }
    WarmUp.share(embedded, vertx, cpu, wall);
  }

  @Override
  public String status(Path directory) {
    return "carries " + plan.tuns().size() + " tuns";
  }

  @Override
  public void serving(Path directory) {
    log.info("carrying {}", String.join(", ", tunnels.labels()));
  }

  /** Embedded services abort what they carry and report it; remote ones keep it. */
  @Override
  public void stop(long seconds) throws TimeoutException {
    tunnels.stop();
    sessions.stop();
    ServiceSource.await(
        requireNonNull(context),
        () -> look().timeout(LAST_LOOK_SECONDS, TimeUnit.SECONDS).otherwiseEmpty());
    try {
      requireNonNull(bumblebee).close().await(seconds, TimeUnit.SECONDS);
    } finally {
      requireNonNull(splicer).close().await(seconds, TimeUnit.SECONDS);
      if (fish != null) {
        fish.close().await(seconds, TimeUnit.SECONDS);
      }
    }
  }
}
