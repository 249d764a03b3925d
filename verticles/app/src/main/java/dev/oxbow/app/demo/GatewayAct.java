package dev.oxbow.app.demo;

import dev.oxbow.app.check.Finding;
import dev.oxbow.app.check.PacketsCheck;
import dev.oxbow.app.console.Units;
import dev.oxbow.app.demo.client.Event;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeoutException;

/**
 * Two hosts with equal addresses and no way out but a tun, whose packets become TCP connections in
 * the middle. By curl, which knows nothing of it, and by bulk downloads that last as long as they
 * are to. One thread, blocking.
 */
final class GatewayAct {
  static final String NAME = "gateway";
  static final String TUN = "tun0";
  static final List<Network.Place> TENANTS =
      List.of(Network.Place.TENANT_A, Network.Place.TENANT_B);

  private static final String PROMISE =
      "IP packets of hosts with equal addresses become TCP connections, and survive upgrades";
  private static final List<String> HOSTS =
      List.of(Network.ORIGIN_ADDRESS, "[" + Network.ORIGIN_ADDRESS_6 + "]");

  /** Upgrades with the service and without, one that fails, and a kill. */
  private static final int LEAST_STEPS = 4;

  /** Found out once, since a namespace and a tun are made for it. */
  private static final List<String> LACKS = look();

  private final Stage stage;
  private final List<Child> gateways = new ArrayList<>();
  private final List<CurlClient> curls = new ArrayList<>();
  private final List<WebFile> asked = new ArrayList<>();
  private final List<Bulk> bulks = new ArrayList<>();
  private final List<Fetched> fetched = new ArrayList<>();
  private final List<Step> steps = new ArrayList<>();

  /**
   * A download and its end.
   *
   * @param file that was asked for
   */
  record Fetched(WebFile file, Event end) {
    boolean right() {
      return end.kind() == Event.Kind.DONE && file.sha256().equals(end.sha256());
    }
  }

  /**
   * What the bulk downloads did while something was replaced or killed.
   *
   * @param underWay those that had begun before and had not ended after
   * @param leastBytes what the slowest of them received meanwhile
   */
  record Step(String what, int underWay, long leastBytes) {}

  /** Something that bulk downloads are to survive. */
  @FunctionalInterface
  interface Deed {
    void happen() throws InterruptedException, IOException;
  }

  /**
   * What came of it.
   *
   * @param bulks how many of the downloads were to be under way all the time
   * @param lines that the gateways logged, each relay once
   * @param stopped whether the last gateway stopped in order
   */
  record Outcome(
      List<Fetched> downloads,
      int bulks,
      List<Step> steps,
      List<AccessLine> lines,
      boolean stopped) {

    /**
     * Holds it against what was promised.
     *
     * @param upgrades of the gateway
     */
    Proof proof(List<Upgrade> upgrades) {
      long right = downloads.stream().filter(Fetched::right).count();
      long ended = lines.stream().filter(line -> line.reason().equals("eof")).count();
      List<Upgrade> failed = upgrades.stream().filter(u -> !u.committed()).toList();
      long least = steps.stream().mapToLong(Step::leastBytes).min().orElse(0);
      boolean lasting =
          bulks > 0
              && steps.size() >= LEAST_STEPS
              && steps.stream().allMatch(step -> step.underWay() == bulks)
              && least > Bulk.BUFFERED_BYTES;
      boolean held =
          right == downloads.size()
              && ended == right
              && lines.size() == right
              && lasting
              && upgrades.size() > 1
              && failed.size() == 1
              && failed.get(0).reason().startsWith("commit: ")
              && stopped;
      long bytes = downloads.stream().mapToLong(each -> each.end().received()).sum();
      return new Proof(NAME, PROMISE, held, evidence(right, ended, bytes, least));
    }

    private String evidence(long right, long ended, long bytes, long least) {
      return String.format(
          Locale.ROOT,
          "%d of %d downloads have the SHA-256 of the file that was asked for (%s, two tenants,"
              + " IPv4 and IPv6, curl and bulk), %d of %d lines end in order; %d bulk downloads"
              + " were under way and moved %s each at least during: %s; the gateway %s",
          right,
          downloads.size(),
          Units.bytes(bytes),
          ended,
          lines.size(),
          steps.stream().mapToInt(Step::underWay).min().orElse(0),
          Units.bytes(least),
          String.join(", ", steps.stream().map(Step::what).toList()),
          stopped ? "stopped in order" : "did not stop in order");
    }
  }

  private GatewayAct(Stage stage, Child gateway) {
    this.stage = stage;
    gateways.add(gateway);
  }

  /** What this machine lacks for it, and how to get that; empty when it is possible. */
  static List<String> lacks() {
    return LACKS;
  }

  /** Instead of what came of it. */
  static Proof notShown(List<String> lacks) {
    return Proof.notShown(NAME, PROMISE, lacks);
  }

  private static List<String> look() {
    List<String> lacks = new ArrayList<>();
    if (CurlClient.find().isEmpty()) {
      lacks.add("curl is missing (Debian: apt-get install curl)");
    }
    if (!Network.hasIpv6()) {
      lacks.add("this kernel has no IPv6, or it is switched off (ipv6.disable)");
    }
    PacketsCheck.examine(true).stream()
        .filter(finding -> finding.level() != Finding.Level.OK)
        .map(finding -> finding.detail() + " (" + finding.remedy() + ")")
        .forEach(lacks::add);
    return List.copyOf(lacks);
  }

  /** Whether a relay is the gateway's, by where its client came in. */
  static boolean isOf(String listen) {
    return listen.endsWith("/" + TUN);
  }

  /** Starts the gateway, where it is possible. */
  static Optional<GatewayAct> begin(Stage stage, Progress progress) throws InterruptedException {
    if (!LACKS.isEmpty()) {
      progress.say("the demo goes without the gateway: " + String.join("; ", LACKS));
      return Optional.empty();
    }
    progress.say("starting a gateway: two tenants with equal addresses have a tun as only way out");
    Child gateway = stage.launchGateway(1);
    stage.awaitGateway(gateway);
    stage.routeTenants();
    return Optional.of(new GatewayAct(stage, gateway));
  }

  /** The gateway itself, the newest. */
  Child process() {
    return gateways.get(gateways.size() - 1);
  }

  /** Begins a download by curl from each tenant, by both versions of IP. */
  void download(WebFile file) {
    for (Network.Place tenant : TENANTS) {
      for (String host : HOSTS) {
        String id = "curl-" + tenant.lowerCase() + "-" + curls.size();
        String url = "http://" + host + ":" + OriginProcesses.HTTP_PORT + file.path();
        curls.add(CurlClient.download(stage, tenant, CurlClient.found(), id, url));
        asked.add(file);
      }
    }
  }

  /** Begins downloads, likewise, that last until they are released, and waits for first bytes. */
  void downloadBulk(WebFile file) throws InterruptedException {
    for (Network.Place tenant : TENANTS) {
      bulks.add(Bulk.begin(tenant, Network.ORIGIN_ADDRESS, file));
      bulks.add(Bulk.begin(tenant, Network.ORIGIN_ADDRESS_6, file));
    }
    process().await("bulk downloads", 20, () -> bulks.stream().allMatch(Bulk::underWay));
  }

  /** Does something, and notes what bulk downloads do meanwhile. */
  void during(String what, Deed deed) throws InterruptedException, IOException {
    List<Bulk> before = bulks.stream().filter(Bulk::underWay).toList();
    List<Long> bytes = before.stream().map(Bulk::received).toList();
    deed.happen();
    int underWay = 0;
    long least = Long.MAX_VALUE;
    for (int i = 0; i < before.size(); i++) {
      // First the bytes: what is under way after that was so when they were counted.
      least = Math.min(least, before.get(i).received() - bytes.get(i));
      underWay += before.get(i).underWay() ? 1 : 0;
    }
    steps.add(new Step(what, underWay, before.isEmpty() ? 0 : least));
  }

  /** Kills the gateway. */
  void kill() throws InterruptedException {
    process().kill();
  }

  /** Begins to start another, which {@link #awaitNext()} waits for. */
  void startNext() {
    gateways.add(stage.launchGateway(gateways.size() + 1));
  }

  /** Waits until the next gateway carries packets. */
  void awaitNext() throws InterruptedException {
    stage.awaitGateway(process());
  }

  /** Lets bulk downloads be as quick as they can, and waits for all downloads. */
  void await(long seconds) throws InterruptedException, IOException, TimeoutException {
    bulks.forEach(Bulk::release);
    for (int i = 0; i < curls.size(); i++) {
      fetched.add(new Fetched(asked.get(i), curls.get(i).await(seconds)));
    }
    for (Bulk bulk : bulks) {
      fetched.add(new Fetched(bulk.file(), bulk.await(seconds)));
    }
  }

  /** Stops the gateway; the services are still there. */
  Outcome stop(long seconds) throws InterruptedException, IOException {
    process().await("the gateway's lines", seconds, () -> lines().size() >= fetched.size());
    boolean stopped = process().stop();
    return new Outcome(fetched, bulks.size(), steps, lines(), stopped);
  }

  /** One that was killed between line and acknowledgement is told of the relay again. */
  private List<AccessLine> lines() {
    List<AccessLine> lines = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    try {
      for (int life = 1; life <= gateways.size(); life++) {
        for (AccessLine line : AccessLine.readAll(stage.gatewayLog(life))) {
          if (line.relay() == null || seen.add(line.relay())) {
            lines.add(line);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return lines;
  }
}
