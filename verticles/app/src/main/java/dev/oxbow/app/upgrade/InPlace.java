package dev.oxbow.app.upgrade;

import static java.util.Objects.requireNonNull;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.process.Signals;
import dev.oxbow.app.program.Successor;
import dev.oxbow.app.systemd.ServiceManager;
import dev.oxbow.config.HandoffOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Processes;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.upgrade.Plan;
import dev.oxbow.handoff.upgrade.UpgradeLimits;
import dev.oxbow.handoff.upgrade.UpgradeReport;
import dev.oxbow.handoff.upgrade.Upgrades;
import dev.oxbow.service.runtime.Version;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a process that serves lets itself be replaced: SIGHUP and {@code oxbow upgrade} start a
 * successor, and when that has committed this process ends without a further touch.
 */
public final class InPlace {
  private static final Logger log = LoggerFactory.getLogger(InPlace.class);

  /** Environment variable: the hand-over socket of the process to take over from. */
  private static final String TAKE_OVER = "OXBOW_TAKE_OVER";

  /** A process that has lived so long will be replaced some day, and is through with its start. */
  private static final long SETTLED_SECONDS = 5;

  private final HandoffOptions options;
  private final ServiceManager manager;
  private final CountDownLatch stop;
  private final Runnable warmUp;
  private final CountDownLatch upgradeBegun = new CountDownLatch(1);

  /**
   * @param stop is counted down when this process was told to stop
   * @param warmUp makes this process quick, some seconds after its start, or while its successor
   *     starts if that is earlier; called on a thread of its own
   */
  public InPlace(
      HandoffOptions options, ServiceManager manager, CountDownLatch stop, Runnable warmUp) {
    this.warmUp = warmUp;
    this.options = options;
    this.manager = manager;
    this.stop = stop;
  }

  /**
   * Where the process to take over from is reached; empty for a process that starts afresh.
   *
   * @param wanted whether the user wants to take over
   */
  public static Optional<Path> predecessor(OxbowOptions options, boolean wanted) {
    Optional<Path> told = told();
    return told.isPresent() || !wanted
        ? told
        : Optional.of(options.getRuntimeDir().resolve(Plan.SOCKET));
  }

  private static Optional<Path> told() {
    return Optional.ofNullable(System.getenv(TAKE_OVER)).map(Path::of);
  }

  /** The runtime directory of the process to take over from; empty when there is none. */
  public static Optional<Path> directory() {
    return told().map(socket -> requireNonNull(socket.toAbsolutePath().getParent()));
  }

  /** The deadlines that are configured. */
  public UpgradeLimits limits() {
    return new UpgradeLimits(options.getDeadlineMs(), options.getGroupDeadlineMs());
  }

  /**
   * From here on this process can be replaced.
   *
   * @param directory where the hand-over socket is
   * @param listener that socket, owned by the caller
   * @param process lends what belongs to the process and to no service
   */
  public Upgrades serve(
      Path directory, Descriptor listener, List<Transferable> services, Supplier<Cargo> process) {
    long self = Syscalls.effectiveUid();
    Upgrades upgrades =
        new Upgrades(
            listener,
            new Plan(
                Version.current(),
                directory,
                services,
                () -> process.get().lend(Plan.SOCKET, listener),
                this::launch,
                uid -> uid == 0 || uid == self,
                limits(),
                new Watcher()));
    Signals.on("HUP", upgrades::request);
    Thread warm = new Thread(this::warmUp, "oxbow-warm-up");
    warm.setDaemon(true);
    warm.start();
    return upgrades;
  }

  private void warmUp() {
    try {
      boolean begun = upgradeBegun.await(SETTLED_SECONDS, TimeUnit.SECONDS);
      log.debug("practises {} the first upgrade", begun ? "during" : "before");
      warmUp.run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Plan.Launched launch(Path socket) throws IOException {
    try {
      Successor successor =
          Successor.start(
              Successor.command(options.getCommand()),
              Map.of(TAKE_OVER, socket.toString()),
              options.getDeadlineMs());
      upgradeBegun.countDown();
      return new Plan.Launched(successor.process(), successor::raise);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private final class Watcher implements Plan.Observer {
    @Override
    public void began() {
      manager.reloading();
      log.info("upgrade: a successor starts");
    }

    @Override
    public void rolledBack(UpgradeReport report) {
      manager.ready("serves on; the upgrade was rolled back: " + report.reason());
      log.warn("upgrade rolled back, pid {} serves on: {}", report.from().pid(), report.reason());
    }

    @Override
    public void committed(UpgradeReport report) {
      long successor = requireNonNull(report.to()).pid();
      manager.mainPid(successor);
      log.info("upgrade committed: pid {} serves, {} ends", successor, report.from().pid());
    }

    @Override
    public void left(UpgradeReport report) {
      long successor = requireNonNull(report.to()).pid();
      if (stop.getCount() == 0) {
        // Told to stop when it was too late to roll back.
        ProcessHandle.of(successor).ifPresent(ProcessHandle::destroy);
      }
      Processes.exit(ExitStatus.OK);
    }
  }
}
