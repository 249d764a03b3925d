package dev.oxbow.app.run;

import dev.oxbow.app.check.Finding;
import dev.oxbow.app.check.Machine;
import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Signals;
import dev.oxbow.app.program.CacheKeeper;
import dev.oxbow.app.program.PrivateCopy;
import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.systemd.ServiceManager;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.service.runtime.RuntimeDirectory;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.service.runtime.Version;
import dev.oxbow.splicer.SplicerVerticle;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The life of one process that serves. */
final class ServiceProcess {
  private static final Logger log = LoggerFactory.getLogger(ServiceProcess.class);
  private static final long START_SECONDS = 30;

  /** Relays deliver what they hold for up to a second, then their reports leave. */
  private static final long STOP_SECONDS = 10;

  private ServiceProcess() {}

  /** What is to be done as soon as all services serve. */
  @FunctionalInterface
  interface Serving {
    void in(Path runtimeDir) throws Exception;
  }

  /**
   * Serves until a signal says stop. Blocks.
   *
   * @return the exit status
   * @throws StartException when it cannot start
   * @throws dev.oxbow.config.ConfigException when the configuration cannot be used
   */
  static int run(Path config) throws Exception {
    OxbowOptions options = OxbowConfig.load(config);
    NativeVertx.requireMachine();
    CountDownLatch stop = Signals.stopRequested();
    Signals.on(
        "HUP",
        () -> log.warn("SIGHUP: version {} cannot upgrade in place; goes on", Version.current()));
    CacheKeeper keeper = CacheKeeper.start(PrivateCopy.current());
    try {
      return serve(options, stop, directory -> {});
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
    ServiceManager manager = ServiceManager.of(System.getenv());
    try (ActivatedSockets activated =
            ActivatedSockets.of(System.getenv(), ProcessHandle.current().pid());
        RuntimeDirectory directory = RuntimeDirectory.open(options)) {
      warnOfLimits(options);
      SplicerOptions splicer = options.getSplicer();
      Vertx vertx = NativeVertx.open(splicer == null ? 0 : splicer.getLoops());
      boolean stopped = false;
      try {
        deploy(vertx, options, activated);
        activated.requireAllTaken();
        directory.publishPid();
        manager.ready("serves in " + directory.path());
        log.info(
            "Oxbow {} serves in {}, pid {}",
            Version.current(),
            directory.path(),
            ProcessHandle.current().pid());
        serving.in(directory.path());
        stop.await();
        manager.stopping();
      } finally {
        stopped = close(vertx);
      }
      return stopped ? ExitStatus.OK : ExitStatus.FAILED;
    }
  }

  private static void warnOfLimits(OxbowOptions options) {
    Finding limit = Machine.descriptorLimit(options);
    if (limit.level() != Finding.Level.OK) {
      log.warn("{}: {} ({})", limit.name(), limit.detail(), limit.remedy());
    }
  }

  private static void deploy(Vertx vertx, OxbowOptions options, ActivatedSockets activated) {
    SplicerVerticle splicer = new SplicerVerticle(options);
    activated.takeControlSocket(SplicerVerticle.NAME).ifPresent(splicer::setListener);
    try {
      vertx.deployVerticle(splicer).await(START_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new StartException("Splicer did not start within " + START_SECONDS + " s.", e);
    } catch (StartException e) {
      throw e;
    } catch (Exception e) {
      log.debug("deployment failed", e);
      throw new StartException("Splicer cannot start: " + e.getMessage(), e);
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
