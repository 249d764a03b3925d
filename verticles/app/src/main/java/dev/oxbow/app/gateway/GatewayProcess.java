package dev.oxbow.app.gateway;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.forward.AccessLog;
import dev.oxbow.app.forward.ForwardLimits;
import dev.oxbow.app.forward.LogFormat;
import dev.oxbow.app.forward.SplicedConnections;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Signals;
import dev.oxbow.app.program.CacheKeeper;
import dev.oxbow.app.program.PrivateCopy;
import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.TunnelPage;
import dev.oxbow.bumblebee.TunnelReport;
import dev.oxbow.bumblebee.UpgradeRequest;
import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The life of a process of {@code oxbow gateway}. */
final class GatewayProcess {
  private static final Logger log = LoggerFactory.getLogger(GatewayProcess.class);
  private static final long START_SECONDS = 30;
  private static final long STOP_SECONDS = 10;

  /** What a service dropped last is not worth a longer wait for one that is away. */
  private static final long LAST_LOOK_SECONDS = 2;

  /** Descriptors that are left to the JVM and to connections on their way. */
  private static final int OWN_DESCRIPTORS = 512;

  /** Embedded services make nothing there. */
  private static final Path NOWHERE = Path.of("/nonexistent");

  private final Plan plan;
  private final CountDownLatch stop;
  private final AtomicBoolean lost = new AtomicBoolean();

  /**
   * What to do.
   *
   * @param tuns that clients are routed into
   * @param bumblebee a control socket; null to embed a Bumblebee
   * @param splicer a control socket; null to embed a Splicer
   * @param app names the mailboxes
   */
  record Plan(
      List<TunOptions> tuns,
      @Nullable Path bumblebee,
      @Nullable Path splicer,
      String app,
      ForwardLimits limits,
      long connectTimeoutMs,
      LogFormat format) {}

  private GatewayProcess(Plan plan, CountDownLatch stop) {
    this.plan = plan;
    this.stop = stop;
  }

  /**
   * Carries until a signal says stop, or until a tun is gone. Blocks.
   *
   * @return the exit status
   * @throws StartException when it cannot start
   */
  static int run(Plan plan) throws Exception {
    NativeVertx.requireMachine();
    CountDownLatch stop = Signals.stopRequested();
    Signals.on("HUP", () -> log.warn("SIGHUP: a gateway is not replaced in place; start it anew"));
    CacheKeeper keeper = CacheKeeper.start(PrivateCopy.current());
    Vertx vertx = NativeVertx.open(0);
    try {
      return new GatewayProcess(plan, stop).serve(vertx);
    } finally {
      vertx.close().await(STOP_SECONDS, TimeUnit.SECONDS);
      keeper.close();
      log.info("stopped");
    }
  }

  private int serve(Vertx vertx) throws Exception {
    Context own = vertx.getOrCreateContext();
    Splicer splicer = start("Splicer", plan.splicer(), splicer(vertx));
    Bumblebee bumblebee = start("Bumblebee", plan.bumblebee(), bumblebee(vertx));
    AccessLog accessLog =
        new AccessLog(plan.format(), new FileOutputStream(FileDescriptor.out), Clock.systemUTC());
    SplicedConnections spliced = new SplicedConnections(splicer, accessLog, plan.limits());
    Gateway gateway = new Gateway(DescriptorLoop.of(own), spliced, plan.connectTimeoutMs());
    bumblebee.unclaimedHandler(this::closed);
    bumblebee.connections().handler(gateway::connect);
    DropLog drops = new DropLog(plan.app());
    vertx.setPeriodic(DropLog.INTERVAL_MS, timer -> own.runOnContext(v -> look(drops, bumblebee)));
    openAll(bumblebee);
    stop.await();
    Future<?> last = drops.look(bumblebee).timeout(LAST_LOOK_SECONDS, TimeUnit.SECONDS);
    await(last.otherwiseEmpty(), STOP_SECONDS);
    try {
      await(bumblebee.close(), STOP_SECONDS);
    } finally {
      await(splicer.close(), STOP_SECONDS);
    }
    return lost.get() ? ExitStatus.FAILED : ExitStatus.OK;
  }

  private static void look(DropLog drops, Bumblebee bumblebee) {
    drops.look(bumblebee);
  }

  private Future<Splicer> splicer(Vertx vertx) {
    Path socket = plan.splicer();
    return socket == null
        ? Splicer.embedded(vertx, embedding())
        : Splicer.remote(vertx, socket, plan.app());
  }

  private Future<Bumblebee> bumblebee(Vertx vertx) {
    Path socket = plan.bumblebee();
    return socket == null
        ? Bumblebee.embedded(vertx, embedding())
        : Bumblebee.remote(vertx, socket, plan.app());
  }

  /** This process is the only caller, so it may have all that the process may open. */
  private static OxbowOptions embedding() {
    int descriptors =
        (int) Math.max(64, Math.min(1 << 20, Syscalls.descriptorLimit()) - OWN_DESCRIPTORS);
    return new OxbowOptions(NOWHERE)
        .setSplicer(new SplicerOptions())
        .setBumblebee(new BumblebeeOptions())
        .setQuotas(
            new QuotaOptions()
                .setDescriptors(descriptors)
                .setRelays(Math.max(1, Math.min(1_000_000, descriptors / 2)))
                .setHeldBytes(Integer.MAX_VALUE));
  }

  private static <T> T start(String name, @Nullable Path socket, Future<T> started)
      throws TimeoutException {
    String how =
        socket == null ? "Cannot embed a " + name : "Cannot use the " + name + " at " + socket;
    try {
      return await(started, START_SECONDS);
    } catch (RuntimeException e) {
      throw new StartException(how + ": " + e.getMessage(), e);
    }
  }

  private static <T> T await(Future<T> future, long seconds) throws TimeoutException {
    return future.await(seconds, TimeUnit.SECONDS);
  }

  /**
   * Opens a tunnel for each tun, but for those that an earlier life of this app has opened.
   * Metadata is what anybody may claim, so the tun must be in use, too.
   */
  private void openAll(Bumblebee bumblebee) throws TimeoutException {
    Set<String> there =
        await(TunnelPage.all(bumblebee), START_SECONDS).stream()
            .filter(tunnel -> Gateway.isOf(plan.app(), tunnel.metadata()))
            .map(tunnel -> Gateway.label(tunnel.metadata()))
            .collect(Collectors.toSet());
    for (TunOptions tun : plan.tuns()) {
      Descriptor flow = TunDevice.open(tun);
      if (flow != null) {
        upgrade(bumblebee, tun, flow);
      } else if (there.contains(tun.label())) {
        log.info("{}: goes on, as an earlier gateway has opened it", tun.label());
      } else {
        throw new StartException(
            "Cannot use the tun " + tun.label() + ": another process or app uses it.");
      }
    }
  }

  private void upgrade(Bumblebee bumblebee, TunOptions tun, Descriptor flow)
      throws TimeoutException {
    try {
      UpgradeRequest request =
          new UpgradeRequest(flow)
              .setMtu(tun.mtu())
              .setMetadata(Gateway.metadata(plan.app(), tun.label()));
      await(bumblebee.upgrade(request), START_SECONDS).closed().onSuccess(this::closed);
      log.info("{}: carries TCP, MTU {}", tun.label(), tun.mtu());
    } catch (RuntimeException e) {
      flow.close();
      throw new StartException(tun.label() + ": " + e.getMessage() + ".", e);
    }
  }

  /** Its tun goes with the last descriptor. */
  private void closed(TunnelReport report) {
    try (report) {
      String label = Gateway.label(report.metadata());
      String errno = report.errno();
      String why = report.reason().wireName() + (errno == null ? "" : " " + errno);
      log.info(
          "{}: closed: {}, {} packets in, {} out",
          label,
          why,
          report.packetsIn(),
          report.packetsOut());
      if (stop.getCount() > 0) {
        log.error("{}: the tun is gone", label);
        lost.set(true);
        stop.countDown();
      }
    }
  }
}
