package dev.oxbow.app.gateway;

import dev.oxbow.app.forward.ServiceSource;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fish.EgressRequest;
import dev.oxbow.fish.Exhaustion;
import dev.oxbow.fish.Fish;
import dev.oxbow.fish.SessionPage;
import dev.oxbow.fish.SessionReport;
import dev.oxbow.service.runtime.StartException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What of a gateway's packets leaves by a Fish: a session for each tun that has a slice. */
final class Sessions {
  private static final Logger log = LoggerFactory.getLogger(Sessions.class);

  private final List<TunOptions> tuns;
  private final String app;
  private final Runnable lost;
  private volatile boolean stopping;

  /**
   * @param tuns of the gateway; those without a slice are none of this
   * @param app whose they are
   * @param lost called when a tun is gone while nobody stops; any thread
   */
  Sessions(List<TunOptions> tuns, String app, Runnable lost) {
    this.tuns = tuns.stream().filter(tun -> !tun.egress().isEmpty()).toList();
    this.app = app;
    this.lost = lost;
  }

  /** Whether there are none. */
  boolean isEmpty() {
    return tuns.isEmpty();
  }

  /** All slices, each once. */
  List<Grant> grants() {
    return tuns.stream()
        .flatMap(tun -> tun.egress().stream())
        .map(Slice::grant)
        .distinct()
        .toList();
  }

  /**
   * Opens a session for each tun, but for those that an earlier life of this app has opened.
   * Blocks.
   *
   * @throws StartException naming the tun that cannot be used
   */
  void open(Fish fish) throws TimeoutException {
    Set<String> there =
        ServiceSource.await(SessionPage.all(fish)).stream()
            .filter(session -> Gateway.isOf(app, session.metadata()))
            .map(session -> Gateway.label(session.metadata()))
            .collect(Collectors.toSet());
    for (TunOptions tun : tuns) {
      Descriptor flow = TunDevice.openEgress(tun);
      if (flow != null) {
        open(fish, tun, flow);
      } else if (there.contains(tun.label())) {
        log.info("{}: goes on, as an earlier gateway has opened it", tun.label());
      } else {
        throw new StartException(
            "Cannot use the tun " + tun.egressName() + ": another process or app uses it.");
      }
    }
  }

  private void open(Fish fish, TunOptions tun, Descriptor flow) throws TimeoutException {
    List<Grant> slices = tun.egress().stream().map(Slice::grant).toList();
    try {
      EgressRequest request =
          new EgressRequest(flow, slices)
              .setMtu(tun.mtu())
              .setResume(tun.label())
              .setMetadata(Gateway.metadata(app, tun.label()));
      ServiceSource.await(fish.egress(request)).closed().onSuccess(this::closed);
      log.info(
          "{}: carries {} from {}",
          tun.label(),
          tun.egressTcp() ? "everything" : "what is not TCP",
          slices.stream()
              .map(slice -> slice.address() + " " + slice.ports())
              .collect(Collectors.joining(", ")));
    } catch (RuntimeException e) {
      flow.close();
      throw new StartException(tun.label() + ": " + e.getMessage() + ".", e);
    }
  }

  /** Says that a client could not get out. */
  void exhausted(Exhaustion full) {
    log.warn(
        "no port of {} {} is left toward {}", full.address(), full.ports(), full.destination());
  }

  /** From here on sessions may end. */
  void stop() {
    stopping = true;
  }

  /** One has ended. Its tun goes with the last descriptor. */
  void closed(SessionReport report) {
    try (report) {
      String label = Gateway.label(report.metadata());
      log.info(
          "{}: closed: {}, {} packets in, {} out, dropped {}",
          label,
          report.reason().wireName(),
          report.packets().in(),
          report.packets().out(),
          report.packets().dropped());
      if (!stopping) {
        log.error("{}: the tun is gone", label);
        lost.run();
      }
    }
  }
}
