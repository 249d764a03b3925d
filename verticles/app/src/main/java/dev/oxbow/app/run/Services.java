package dev.oxbow.app.run;

import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.SplicerVerticle;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The services that a configuration switches on, deployed afresh or from what was handed over. */
final class Services {
  private static final Logger log = LoggerFactory.getLogger(Services.class);
  private static final long START_SECONDS = 30;

  private Services() {}

  /** The layouts of state that this program reads, of the services that are switched on. */
  static Map<String, Transferable.Layout> layouts(OxbowOptions options) {
    Map<String, Transferable.Layout> layouts = new LinkedHashMap<>();
    if (options.getSplicer() != null) {
      layouts.put(SplicerVerticle.NAME, SplicerVerticle.LAYOUT);
    }
    return layouts;
  }

  /**
   * Hands over and back services that nobody uses, so that it is compiled. Blocks; not on an event
   * loop.
   *
   * @param cpu processor time after which it ends
   * @param wall time after which it ends
   */
  static void practise(Vertx vertx, OxbowOptions options, Duration cpu, Duration wall) {
    if (options.getSplicer() != null) {
      SplicerVerticle.practise(vertx, cpu, wall);
    }
  }

  /**
   * Deploys them. Blocks.
   *
   * @param cargos what another process has handed over, by service; the services are frozen then.
   *     Null to start afresh
   * @param activated sockets that a service manager has passed
   * @throws StartException naming the service that cannot start
   */
  static List<Transferable> deploy(
      Vertx vertx,
      OxbowOptions options,
      ActivatedSockets activated,
      @Nullable Map<String, Cargo> cargos) {
    if (options.getSplicer() == null) {
      return List.of();
    }
    Cargo cargo = cargos == null ? null : cargos.get(SplicerVerticle.NAME);
    SplicerVerticle splicer =
        cargo == null ? new SplicerVerticle(options) : new SplicerVerticle(options, cargo);
    activated.takeControlSocket(SplicerVerticle.NAME).ifPresent(splicer::setListener);
    try {
      vertx.deployVerticle(splicer).await(START_SECONDS, TimeUnit.SECONDS);
      return List.of(splicer);
    } catch (TimeoutException e) {
      throw new StartException("Splicer did not start within " + START_SECONDS + " s.", e);
    } catch (StartException e) {
      throw e;
    } catch (Exception e) {
      log.debug("deployment failed", e);
      throw new StartException("Splicer cannot start: " + e.getMessage(), e);
    }
  }
}
