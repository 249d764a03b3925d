package dev.oxbow.app.upgrade;

import static java.util.Objects.requireNonNull;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Signals;
import dev.oxbow.app.program.CacheKeeper;
import dev.oxbow.app.program.PrivateCopy;
import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.systemd.ServiceManager;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Processes;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.upgrade.Plan;
import dev.oxbow.handoff.upgrade.Target;
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

/**
 * The life of one process that serves and is replaced in place, from its start or from another
 * process's hands.
 */
public final class ServedProcess {
  private static final Logger log = LoggerFactory.getLogger(ServedProcess.class);

  /** Relays deliver what they hold for up to a second, then their reports leave. */
  private static final long STOP_SECONDS = 10;

  /** The cargo with what belongs to the process, and the lock in it. */
  private static final String PROCESS = "process";

  private static final String LOCK = "lock";

  private final Work work;
  private final OxbowOptions options;
  private final CountDownLatch stop;
  private final ServiceManager manager = ServiceManager.of(System.getenv());
  private final InPlace inPlace;
  private volatile boolean over;

  private ServedProcess(Work work, OxbowOptions options, CountDownLatch stop) {
    this.work = work;
    this.options = options;
    this.stop = stop;
    this.inPlace =
        new InPlace(options.getHandoff(), manager, stop, () -> WarmUp.whileServing(work::practise));
    work.canEnd(this::end);
    work.stoppedBy(stop);
  }

  private void end() {
    over = true;
    stop.countDown();
  }

  private int status(boolean stopped) {
    return stopped && !over ? ExitStatus.OK : ExitStatus.FAILED;
  }

  /**
   * Serves until a signal says stop, or until another process has taken over. Blocks.
   *
   * @param options say where its directory is, how it is handed over, and how many loops it has
   * @param takeOver whether it takes over from the process that serves in that directory
   * @return the exit status
   * @throws StartException when it cannot start
   */
  public static int run(Work work, OxbowOptions options, boolean takeOver) throws Exception {
    NativeVertx.requireMachine();
    CountDownLatch stop = Signals.stopRequested();
    Signals.on("HUP", () -> log.warn("SIGHUP: not ready for an upgrade yet"));
    CacheKeeper keeper = CacheKeeper.start(PrivateCopy.current());
    try {
      Optional<Path> predecessor = InPlace.predecessor(options, takeOver);
      return predecessor.isPresent()
          ? new ServedProcess(work, options, stop).takeOver(predecessor.get())
          : serve(work, options, stop);
    } finally {
      keeper.close();
    }
  }

  /** Starts afresh, and serves until a latch is counted down; the exit status. Blocks. */
  public static int serve(Work work, OxbowOptions options, CountDownLatch stop) throws Exception {
    return new ServedProcess(work, options, stop).startAfresh();
  }

  private int startAfresh() throws Exception {
    try (ActivatedSockets activated =
            ActivatedSockets.of(System.getenv(), ProcessHandle.current().pid());
        RuntimeDirectory directory = RuntimeDirectory.open(options)) {
      Vertx vertx = open();
      boolean stopped = false;
      try {
        List<Transferable> services = work.start(vertx, activated, null);
        activated.requireAllTaken();
        stopped = serve(directory, directory.listen(Plan.SOCKET), services, false);
      } finally {
        stopped &= close(vertx);
      }
      return status(stopped);
    }
  }

  /** Takes over from a process that serves. Once it has, nothing tells the two apart. */
  private int takeOver(Path predecessor) throws Exception {
    Vertx vertx = open();
    RuntimeDirectory directory;
    Descriptor socket;
    List<Transferable> services;
    boolean again;
    try {
      Target target = Target.connect(predecessor, inPlace.limits());
      Map<String, Cargo> cargos =
          target.receive(
              Version.current(),
              work.layouts(),
              Syscalls.descriptorLimit() - Syscalls.openDescriptors(),
              () -> WarmUp.beforeTakeOver(vertx, work::practise));
      Cargo own = requireNonNull(cargos.remove(PROCESS));
      directory = RuntimeDirectory.adopt(options.getRuntimeDir(), own.take(LOCK));
      socket = own.take(Plan.SOCKET);
      services = work.start(vertx, ActivatedSockets.none(), cargos);
      UpgradeReport incident = target.takeOver(services);
      if (incident != null) {
        save(incident, directory);
      }
      again = target.again();
      Thread farewell = new Thread(target::close, "oxbow-farewell");
      farewell.setDaemon(true);
      farewell.start();
    } catch (Exception e) {
      log.debug("not taking over", e);
      throw notTakingOver(e);
    }
    try (directory) {
      boolean stopped = serve(directory, socket, services, again);
      stopped &= close(vertx);
      return status(stopped);
    }
  }

  /** Ends this process at once, and without a touch: the predecessor has all of it, too. */
  private static Exception notTakingOver(Exception e) {
    log.error("not taking over: {}", e.getMessage());
    Processes.exit(ExitStatus.FAILED);
    return e;
  }

  private Vertx open() {
    return NativeVertx.open(options.eventLoops());
  }

  /**
   * Serves until it is told to stop; whether it then stopped in order.
   *
   * @param again whether the predecessor was asked for one more upgrade
   */
  private boolean serve(
      RuntimeDirectory directory, Descriptor socket, List<Transferable> services, boolean again)
      throws Exception {
    try (socket) {
      Upgrades upgrades =
          inPlace.serve(
              directory.path(), socket, services, () -> new Cargo().lend(LOCK, directory.lock()));
      directory.publishPid();
      manager.ready(work.status(directory.path()));
      if (again) {
        upgrades.request();
      }
      work.serving(directory.path());
      stop.await();
      upgrades.stop();
      manager.stopping();
      directory.remove(Plan.SOCKET);
    }
    try {
      work.stop(STOP_SECONDS);
      return true;
    } catch (TimeoutException e) {
      return late();
    }
  }

  private static void save(UpgradeReport report, RuntimeDirectory directory) {
    try {
      report.save(directory.path());
    } catch (IOException e) {
      log.warn("the report of the upgrade cannot be saved: {}", e.getMessage());
    }
  }

  /** Undeploys what was deployed: that is the orderly stop. */
  private static boolean close(Vertx vertx) {
    try {
      vertx.close().await(STOP_SECONDS, TimeUnit.SECONDS);
      log.info("stopped");
      return true;
    } catch (TimeoutException e) {
      return late();
    }
  }

  private static boolean late() {
    log.error("not stopped in order within {} s: ending all the same", STOP_SECONDS);
    return false;
  }
}
