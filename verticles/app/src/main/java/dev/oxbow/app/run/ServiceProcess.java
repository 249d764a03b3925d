package dev.oxbow.app.run;

import static java.util.Objects.requireNonNull;

import dev.oxbow.app.check.Finding;
import dev.oxbow.app.check.Machine;
import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Self;
import dev.oxbow.app.process.Signals;
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
import dev.oxbow.handoff.upgrade.UpgradeLimits;
import dev.oxbow.handoff.upgrade.UpgradeReport;
import dev.oxbow.handoff.upgrade.Upgrades;
import dev.oxbow.service.runtime.RuntimeDirectory;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.service.runtime.Version;
import io.vertx.core.Vertx;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The life of one process that serves. */
final class ServiceProcess {
  private static final Logger log = LoggerFactory.getLogger(ServiceProcess.class);

  /** Environment variable: the hand-over socket of the process to take over from. */
  private static final String TAKE_OVER = "OXBOW_TAKE_OVER";

  /** What belongs to the process, in the cargo of that name. */
  private static final String PROCESS = "process";

  private static final String LOCK = "lock";

  /** Relays deliver what they hold for up to a second, then their reports leave. */
  private static final long STOP_SECONDS = 10;

  private final Path config;
  private final OxbowOptions options;
  private final CountDownLatch stop;

  private ServiceProcess(Path config, OxbowOptions options, CountDownLatch stop) {
    this.config = config;
    this.options = options;
    this.stop = stop;
  }

  /**
   * Serves until a signal says stop. Blocks.
   *
   * @return the exit status
   * @throws StartException when it cannot start
   * @throws dev.oxbow.config.ConfigException when the configuration cannot be used
   */
  static int run(Path config) throws InterruptedException {
    OxbowOptions options = OxbowConfig.load(config);
    NativeVertx.requireMachine();
    CountDownLatch stop = Signals.stopRequested();
    String predecessor = System.getenv(TAKE_OVER);
    ServiceProcess process = new ServiceProcess(config, options, stop);
    return predecessor == null ? process.startAfresh() : process.takeOver(Path.of(predecessor));
  }

  private int startAfresh() throws InterruptedException {
    try (RuntimeDirectory directory = RuntimeDirectory.open(options)) {
      warnOfLimits(options);
      Vertx vertx = open();
      boolean stopped = false;
      try {
        List<Transferable> services = Services.deploy(vertx, options, null);
        Descriptor socket = directory.listen(Plan.SOCKET);
        stopped = serve(vertx, directory, socket, services);
      } finally {
        stopped = stopped || close(vertx);
      }
      return stopped ? ExitStatus.OK : ExitStatus.FAILED;
    }
  }

  /** Takes over from a process that serves. Once it has, nothing tells the two apart. */
  private int takeOver(Path socket) throws InterruptedException {
    Vertx vertx = open();
    try (Target target = Target.connect(socket, UpgradeLimits.DEFAULT)) {
      Map<String, Cargo> cargos =
          target.receive(
              Version.current(),
              Services.layouts(options),
              Syscalls.descriptorLimit() - Syscalls.openDescriptors(),
              () -> {});
      Cargo own = requireNonNull(cargos.remove(PROCESS));
      RuntimeDirectory directory = RuntimeDirectory.adopt(options.getRuntimeDir(), own.take(LOCK));
      Descriptor listener = own.take(Plan.SOCKET);
      List<Transferable> services = Services.deploy(vertx, options, cargos);
      UpgradeReport incident = target.takeOver(services);
      if (incident != null) {
        save(incident, directory);
      }
      try (directory) {
        return serve(vertx, directory, listener, services) ? ExitStatus.OK : ExitStatus.FAILED;
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

  /** Serves until a signal says stop; whether it stopped in order. */
  private boolean serve(
      Vertx vertx, RuntimeDirectory directory, Descriptor socket, List<Transferable> services)
      throws InterruptedException {
    try (socket) {
      Upgrades upgrades = new Upgrades(socket, plan(directory, socket, services));
      Signals.on("HUP", upgrades::request);
      directory.publishPid();
      log.info(
          "Oxbow {} serves in {}, pid {}",
          Version.current(),
          directory.path(),
          ProcessHandle.current().pid());
      stop.await();
      upgrades.stop();
      directory.remove(Plan.SOCKET);
      return close(vertx);
    }
  }

  private Plan plan(RuntimeDirectory directory, Descriptor socket, List<Transferable> services) {
    long self = Syscalls.effectiveUid();
    return new Plan(
        Version.current(),
        directory.path(),
        services,
        () -> new Cargo().lend(LOCK, directory.lock()).lend(Plan.SOCKET, socket),
        this::spawn,
        uid -> uid == 0 || uid == self,
        UpgradeLimits.DEFAULT,
        new Watcher());
  }

  private Process spawn(Path socket) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(Self.command("run", "--config", config.toAbsolutePath().toString()))
            .inheritIO()
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    builder.environment().put(TAKE_OVER, socket.toString());
    return builder.start();
  }

  /** What happens around upgrades. */
  private final class Watcher implements Plan.Observer {
    @Override
    public void began() {
      log.info("upgrade: starting a successor");
    }

    @Override
    public void rolledBack(UpgradeReport report) {
      log.warn("upgrade rolled back, pid {} serves on: {}", report.from().pid(), report.reason());
    }

    @Override
    public void committed(UpgradeReport report) {
      long successor = requireNonNull(report.to()).pid();
      log.info("upgrade committed: pid {} serves, {} ends", successor, report.from().pid());
      if (stop.getCount() == 0) {
        ProcessHandle.of(successor).ifPresent(ProcessHandle::destroy);
      }
      Runtime.getRuntime().halt(ExitStatus.OK);
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
