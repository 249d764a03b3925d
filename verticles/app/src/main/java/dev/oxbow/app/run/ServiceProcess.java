package dev.oxbow.app.run;

import dev.oxbow.app.check.Finding;
import dev.oxbow.app.check.Machine;
import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.upgrade.ServedProcess;
import dev.oxbow.app.upgrade.Work;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.runtime.Version;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a process of {@code oxbow run} does: the services of a configuration. */
final class ServiceProcess implements Work {
  private static final Logger log = LoggerFactory.getLogger(ServiceProcess.class);

  private final OxbowOptions options;
  private final Serving serving;

  private ServiceProcess(OxbowOptions options, Serving serving) {
    this.options = options;
    this.serving = serving;
  }

  /** What is to be done as soon as all services serve. */
  @FunctionalInterface
  interface Serving {
    void in(Path runtimeDir) throws Exception;
  }

  /**
   * Serves until a signal says stop, or until another process has taken over. Blocks.
   *
   * @param takeOver whether it takes over from the process that serves in the runtime directory
   * @return the exit status
   * @throws dev.oxbow.service.runtime.StartException when it cannot start
   * @throws dev.oxbow.config.ConfigException when the configuration cannot be used
   */
  static int run(Path config, boolean takeOver) throws Exception {
    OxbowOptions options = OxbowConfig.load(config);
    return ServedProcess.run(new ServiceProcess(options, directory -> {}), options, takeOver);
  }

  /**
   * Serves until a latch is counted down.
   *
   * @param serving called once
   */
  static int serve(OxbowOptions options, CountDownLatch stop, Serving serving) throws Exception {
    return ServedProcess.serve(new ServiceProcess(options, serving), options, stop);
  }

  @Override
  public Map<String, Transferable.Layout> layouts() {
    return Services.layouts(options);
  }

  @Override
  public List<Transferable> start(
      Vertx vertx, ActivatedSockets activated, @Nullable Map<String, Cargo> cargos) {
    if (cargos == null) {
      warnOfLimits(options);
    }
    return Services.deploy(vertx, options, activated, cargos);
  }

  @Override
  public void practise(Vertx vertx, Duration cpu, Duration wall) {
    Services.practise(vertx, options, cpu, wall);
  }

  private static void warnOfLimits(OxbowOptions options) {
    Finding limit = Machine.descriptorLimit(options);
    if (limit.level() != Finding.Level.OK) {
      log.warn("{}: {} ({})", limit.name(), limit.detail(), limit.remedy());
    }
  }

  @Override
  public String status(Path directory) {
    return "serves in " + directory;
  }

  @Override
  public void serving(Path directory) throws Exception {
    long pid = ProcessHandle.current().pid();
    log.info("Oxbow {} serves in {}, pid {}", Version.current(), directory, pid);
    serving.in(directory);
  }

  /** Undeploying the services is all. */
  @Override
  public void stop(long seconds) {}
}
