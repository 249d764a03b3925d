package dev.oxbow.app.run;

import dev.oxbow.app.systemd.ActivatedSockets;
import dev.oxbow.app.upgrade.WarmUp;
import dev.oxbow.bumblebee.BumblebeeVerticle;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fish.FishVerticle;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.control.ControlSocket;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.service.verticle.ServiceVerticle;
import dev.oxbow.splicer.SplicerVerticle;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The services that a configuration switches on, deployed afresh or from what was handed over. */
final class Services {
  private static final Logger log = LoggerFactory.getLogger(Services.class);
  private static final long START_SECONDS = 30;

  /** All that there are. */
  private static final List<Kind> KINDS =
      List.of(
          new Kind(
              SplicerVerticle.NAME,
              "Splicer",
              options -> options.getSplicer() != null,
              SplicerVerticle.LAYOUT,
              (options, cargo) ->
                  cargo == null
                      ? new SplicerVerticle(options)
                      : new SplicerVerticle(options, cargo),
              SplicerVerticle::practise),
          new Kind(
              BumblebeeVerticle.NAME,
              "Bumblebee",
              options -> options.getBumblebee() != null,
              BumblebeeVerticle.LAYOUT,
              (options, cargo) ->
                  cargo == null
                      ? new BumblebeeVerticle(options)
                      : new BumblebeeVerticle(options, cargo),
              BumblebeeVerticle::practise),
          new Kind(
              FishVerticle.NAME,
              "Fish",
              options -> options.getFish() != null,
              FishVerticle.LAYOUT,
              (options, cargo) ->
                  cargo == null ? new FishVerticle(options) : new FishVerticle(options, cargo),
              FishVerticle::practise));

  /** Makes a service, afresh or from what another process has handed over. */
  private interface Maker {
    ServiceVerticle make(OxbowOptions options, @Nullable Cargo cargo);
  }

  /**
   * A service.
   *
   * @param name of its control socket, and of what it hands over
   * @param title as people write it
   * @param on whether a configuration switches it on
   * @param layout of the state that this program reads
   * @param practice hands it over and back
   */
  private record Kind(
      String name,
      String title,
      Predicate<OxbowOptions> on,
      Transferable.Layout layout,
      Maker maker,
      WarmUp.Practice practice) {}

  private Services() {}

  /** The layouts of state that this program reads, of the services that are switched on. */
  static Map<String, Transferable.Layout> layouts(OxbowOptions options) {
    Map<String, Transferable.Layout> layouts = new LinkedHashMap<>();
    KINDS.stream()
        .filter(kind -> kind.on.test(options))
        .forEach(kind -> layouts.put(kind.name, kind.layout));
    return layouts;
  }

  /**
   * Hands over and back services that nobody uses, one after the other, so that it is compiled.
   * Blocks; not on an event loop.
   *
   * @param cpu processor time after which it ends, shared by the services
   * @param wall time after which it ends, likewise
   */
  static void practise(Vertx vertx, OxbowOptions options, Duration cpu, Duration wall) {
    List<WarmUp.Practice> all =
        KINDS.stream().filter(kind -> kind.on.test(options)).map(kind -> kind.practice).toList();
    WarmUp.share(all, vertx, cpu, wall);
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
    List<Transferable> deployed = new ArrayList<>();
    for (Kind kind : KINDS) {
      if (!kind.on.test(options)) {
        // Of a process that was killed, and had it: nobody listens there.
        ControlSocket.remove(options.getRuntimeDir().resolve(kind.name + ".sock"));
      } else {
        Cargo cargo = cargos == null ? null : cargos.get(kind.name);
        ServiceVerticle service = kind.maker.make(options, cargo);
        activated.takeControlSocket(kind.name).ifPresent(service::setListener);
        deploy(vertx, kind, service);
        deployed.add(service);
      }
    }
    return deployed;
  }

  private static void deploy(Vertx vertx, Kind kind, ServiceVerticle service) {
    try {
      vertx.deployVerticle(service).await(START_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new StartException(kind.title + " did not start within " + START_SECONDS + " s.", e);
    } catch (StartException e) {
      throw e;
    } catch (Exception e) {
      log.debug("deployment failed", e);
      throw new StartException(kind.title + " cannot start: " + e.getMessage(), e);
    }
  }
}
