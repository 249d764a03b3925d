package dev.oxbow.app.demo;

import dev.oxbow.app.check.Finding;
import dev.oxbow.app.check.PacketsCheck;
import dev.oxbow.app.demo.client.Event;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Two hosts with equal addresses and no way out but a tun, whose packets become TCP connections in
 * the middle. By curl, which knows nothing of it. One thread, blocking.
 */
final class GatewayAct {
  static final String NAME = "gateway";
  static final String TUN = "tun0";
  static final List<Network.Place> TENANTS =
      List.of(Network.Place.TENANT_A, Network.Place.TENANT_B);

  /** Found out once, since a namespace and a tun are made for it. */
  private static final boolean POSSIBLE = look();

  private final Stage stage;
  private final Path curl;
  private final Child gateway;
  private final List<CurlClient> downloads = new ArrayList<>();
  private final List<Event> ends = new ArrayList<>();

  /**
   * What came of it.
   *
   * @param ends of the downloads
   * @param lines that the gateway logged
   * @param stopped whether the gateway stopped in order
   */
  record Outcome(List<Event> ends, List<AccessLine> lines, boolean stopped) {}

  private GatewayAct(Stage stage, Path curl, Child gateway) {
    this.stage = stage;
    this.curl = curl;
    this.gateway = gateway;
  }

  /** Whether this machine has what it takes. */
  static boolean possible() {
    return POSSIBLE;
  }

  private static boolean look() {
    return CurlClient.find().isPresent()
        && Network.hasIpv6()
        && PacketsCheck.examine(true).stream()
            .allMatch(finding -> finding.level() == Finding.Level.OK);
  }

  /** Whether a relay is the gateway's, by where its client came in. */
  static boolean isOf(String listen) {
    return listen.endsWith("/" + TUN);
  }

  /** Starts the gateway, where it is possible. */
  static Optional<GatewayAct> begin(Stage stage, Progress progress) throws InterruptedException {
    if (!possible()) {
      progress.say("no curl, tun, IPv6 or Linux 6.4 here: the demo goes without the gateway");
      return Optional.empty();
    }
    progress.say("starting a gateway: two tenants with equal addresses have a tun as only way out");
    return Optional.of(
        new GatewayAct(stage, CurlClient.find().orElseThrow(), stage.startGateway()));
  }

  /** The gateway itself. */
  Child process() {
    return gateway;
  }

  /** Begins downloads of both tenants, by both versions of IP. */
  void download(WebFile file) {
    for (Network.Place tenant : TENANTS) {
      String name = tenant.name().toLowerCase(Locale.ROOT);
      for (String host : List.of(Network.ORIGIN_ADDRESS, "[" + Network.ORIGIN_ADDRESS_6 + "]")) {
        String id = "curl-" + name + "-" + downloads.size();
        String url = "http://" + host + ":" + OriginProcesses.HTTP_PORT + file.path();
        downloads.add(CurlClient.download(stage, tenant, curl, id, url));
      }
    }
  }

  /** Waits for the downloads. */
  void await(long seconds) throws InterruptedException, IOException {
    for (CurlClient download : downloads) {
      ends.add(download.await(seconds));
    }
  }

  /** Stops the gateway; the services are still there. */
  Outcome stop(long seconds) throws InterruptedException, IOException {
    gateway.await("the gateway's lines", seconds, () -> lines().size() >= downloads.size());
    boolean stopped = gateway.stop();
    return new Outcome(ends, lines(), stopped);
  }

  private List<AccessLine> lines() {
    try {
      return AccessLine.readAll(stage.gatewayLog());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
