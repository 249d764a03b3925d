package dev.oxbow.app.run;

import static java.util.Objects.requireNonNull;

import dev.oxbow.app.check.Finding;
import dev.oxbow.app.check.Machine;
import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Signals;
import dev.oxbow.app.program.CacheKeeper;
import dev.oxbow.app.program.PrivateCopy;
import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.systemd.ServiceManager;
import dev.oxbow.app.upgrade.InPlace;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.upgrade.Plan;
import dev.oxbow.handoff.upgrade.Target;
import dev.oxbow.handoff.upgrade.UpgradeException;
import dev.oxbow.handoff.upgrade.UpgradeReport;
import dev.oxbow.handoff.upgrade.Upgrades;
import dev.oxbow.service.runtime.RuntimeDirectory;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.service.runtime.Version;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The life of one process that serves, from its start or from another process's hands. */
final class ServiceProcess {
  private static final Logger log = LoggerFactory.getLogger(ServiceProcess.class);

  /** Relays deliver what they hold for up to a second, then their reports leave. */
  private static final long STOP_SECONDS = 10;

  /** The cargo with what belongs to the process, and the lock in it. */
  private static final String PROCESS = "process";

  private static final String LOCK = "lock";

  private final OxbowOptions options;
  private final CountDownLatch stop;
  private final ServiceManager manager = ServiceManager.of(System.getenv());
  private final InPlace inPlace;

  private ServiceProcess(OxbowOptions options, CountDownLatch stop) {
    this.options = options;
    this.stop = stop;
    this.inPlace =
        new InPlace(options.getHandoff(), manager, stop, () -> WarmUp.whileServing(options));
  }

  /** What is to be done as soon as all services serve. */
  @FunctionalInterface
  interface Serving {
    void in(Path runtimeDir) throws Exception;
  }

  /**
   * Serves until a signal says stop, or until another process has taken over. Blocks.
   *
   * @return the exit status
   * @throws StartException when it cannot start
   * @throws dev.oxbow.config.ConfigException when the configuration cannot be used
   */
  static int run(Path config) throws Exception {
    OxbowOptions options = OxbowConfig.load(config);
    NativeVertx.requireMachine();
    CountDownLatch stop = Signals.stopRequested();
    Signals.on("HUP", () -> log.warn("SIGHUP: not ready for an upgrade yet"));
    CacheKeeper keeper = CacheKeeper.start(PrivateCopy.current());
    try {
      Optional<Path> predecessor = InPlace.predecessor();
      return predecessor.isPresent()
          ? new ServiceProcess(options, stop).takeOver(predecessor.get())
          : serve(options, stop, directory -> {});
    } finally {
      keeper.close();
    }
  }

  /**
   * Serves until a latch is counted down.
   *
   * @param serving called once
   */
  static int serve(OxbowOptions options, CountDownLatch stop, Serving serving) throws Exception {
    return new ServiceProcess(options, stop).startAfresh(serving);
  }

  private int startAfresh(Serving serving) throws Exception {
    try (ActivatedSockets activated =
            ActivatedSockets.of(System.getenv(), ProcessHandle.current().pid());
        RuntimeDirectory directory = RuntimeDirectory.open(options)) {
      warnOfLimits(options);
      Vertx vertx = open();
      boolean stopped = false;
      try {
        List<Transferable> services = Services.deploy(vertx, options, activated, null);
        activated.requireAllTaken();
        Descriptor socket = directory.listen(Plan.SOCKET);
        serve(directory, socket, services, serving);
      } finally {
        stopped = close(vertx);
      }
      return stopped ? ExitStatus.OK : ExitStatus.FAILED;
    }
  }

  /** Takes over from a process that serves. Once it has, nothing tells the two apart. */
  private int takeOver(Path predecessor) throws Exception {
    Vertx vertx = open();
    try (Target target = Target.connect(predecessor, inPlace.limits())) {
      Map<String, Cargo> cargos =
          target.receive(
              Version.current(),
              Services.layouts(options),
              Syscalls.descriptorLimit() - Syscalls.openDescriptors(),
              () -> WarmUp.beforeTakeOver(vertx, options));
      Cargo own = requireNonNull(cargos.remove(PROCESS));
      RuntimeDirectory directory = RuntimeDirectory.adopt(options.getRuntimeDir(), own.take(LOCK));
      Descriptor socket = own.take(Plan.SOCKET);
      List<Transferable> services =
          Services.deploy(vertx, options, ActivatedSockets.none(), cargos);
      UpgradeReport incident = target.takeOver(services);
      if (incident != null) {
        save(incident, directory);
      }
      try (directory) {
        serve(directory, socket, services, unused -> {});
        return close(vertx) ? ExitStatus.OK : ExitStatus.FAILED;
      }
    } catch (UpgradeException e) {
      log.error("not taking over: {}", e.getMessage());
      // At once, and without a touch: the predecessor has all of it, too.
      Runtime.getRuntime().halt(ExitStatus.FAILED);
      throw e;
    }
  }

  private Vertx open() {
    SplicerOptions splicer = options.getSplicer();
    return NativeVertx.open(splicer == null ? 0 : splicer.getLoops());
  }

  private void serve(
      RuntimeDirectory directory, Descriptor socket, List<Transferable> services, Serving serving)
      throws Exception {
    try (socket) {
      Upgrades upgrades =
          inPlace.serve(
              directory.path(), socket, services, () -> new Cargo().lend(LOCK, directory.lock()));
      directory.publishPid();
      manager.ready("serves in " + directory.path());
      log.info(
          "Oxbow {} serves in {}, pid {}",
          Version.current(),
          directory.path(),
          ProcessHandle.current().pid());
      serving.in(directory.path());
      stop.await();
      upgrades.stop();
      manager.stopping();
      directory.remove(Plan.SOCKET);
    }
  }

  private static void save(UpgradeReport report, RuntimeDirectory directory) {
    try {
      report.save(directory.path());
    } catch (IOException e) {
      log.warn("the report of the upgrade cannot be saved: {}", e.getMessage());
    }
  }

  private static void warnOfLimits(OxbowOptions options) {
    Finding limit = Machine.descriptorLimit(options);
    if (limit.level() != Finding.Level.OK) {
      log.warn("{}: {} ({})", limit.name(), limit.detail(), limit.remedy());
    }
  }

  /** Undeploys what was deployed: that is the orderly stop. */
  private static boolean close(Vertx vertx) {
    try {
      vertx.close().await(STOP_SECONDS, TimeUnit.SECONDS);
      log.info("stopped");
      return true;
    } catch (TimeoutException e) {
      log.error("not stopped in order within {} s: ending all the same", STOP_SECONDS);
      return false;
    }
  }
}
