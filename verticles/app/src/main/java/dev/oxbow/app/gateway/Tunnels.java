package dev.oxbow.app.gateway;

import dev.oxbow.app.forward.ServiceSource;
import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.TunnelPage;
import dev.oxbow.bumblebee.TunnelReport;
import dev.oxbow.bumblebee.UpgradeRequest;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.runtime.StartException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The tunnels of a gateway: one for each tun. */
final class Tunnels {
  private static final Logger log = LoggerFactory.getLogger(Tunnels.class);

  private final List<TunOptions> tuns;
  private final List<String> labels;
  private final String app;
  private final Runnable lost;
  private volatile boolean stopping;

  /**
   * @param app whose they are
   * @param lost called when a tun is gone while nobody stops; any thread
   */
  Tunnels(List<TunOptions> tuns, String app, Runnable lost) {
    this.tuns = tuns.stream().filter(tun -> !tun.egressTcp()).toList();
    this.labels = tuns.stream().map(TunOptions::label).toList();
    this.app = app;
    this.lost = lost;
  }

  /** What the tuns are called. */
  List<String> labels() {
    return labels;
  }

  /**
   * Opens a tunnel for each tun, but for those that an earlier life of this app has opened. Blocks.
   * Metadata is what anybody may claim, so the tun must be in use, too.
   *
   * @throws StartException naming the tun that cannot be used
   */
  void open(Bumblebee bumblebee) throws TimeoutException {
    Set<String> there =
        ServiceSource.await(TunnelPage.all(bumblebee)).stream()
            .filter(tunnel -> Gateway.isOf(app, tunnel.metadata()))
            .map(tunnel -> Gateway.label(tunnel.metadata()))
            .collect(Collectors.toSet());
    for (TunOptions tun : tuns) {
      Descriptor flow = TunDevice.open(tun);
      if (flow != null) {
        open(bumblebee, tun, flow);
      } else if (there.contains(tun.label())) {
        log.info("{}: goes on, as an earlier gateway has opened it", tun.label());
      } else {
        throw new StartException(
            "Cannot use the tun " + tun.label() + ": another process or app uses it.");
      }
    }
  }

  private void open(Bumblebee bumblebee, TunOptions tun, Descriptor flow) throws TimeoutException {
    try {
      UpgradeRequest request =
          new UpgradeRequest(flow)
              .setMtu(tun.mtu())
              .setMetadata(Gateway.metadata(app, tun.label()));
      ServiceSource.await(bumblebee.upgrade(request)).closed().onSuccess(this::closed);
      log.info("{}: carries TCP, MTU {}", tun.label(), tun.mtu());
    } catch (RuntimeException e) {
      flow.close();
      throw new StartException(tun.label() + ": " + e.getMessage() + ".", e);
    }
  }

  /** From here on tunnels may end. */
  void stop() {
    stopping = true;
  }

  /** One has ended. Its tun goes with the last descriptor. */
  void closed(TunnelReport report) {
    try (report) {
      String label = Gateway.label(report.metadata());
      String errno = report.errno();
      String why = report.reason().wireName() + (errno == null ? "" : " " + errno);
      log.info(
          "{}: closed: {}, {} packets in, {} out",
          label,
          why,
          report.packets().in(),
          report.packets().out());
      if (!stopping) {
        log.error("{}: the tun is gone", label);
        lost.run();
      }
    }
  }
}
