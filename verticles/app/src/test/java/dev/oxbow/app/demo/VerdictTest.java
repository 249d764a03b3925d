package dev.oxbow.app.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.client.Order;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The demo says what is broken, for each way in which something can be. */
@DescriptorLeaks
class VerdictTest {
  private static final String DOWNLOAD = "download-1";
  private static final String UPLOAD = "upload-1";
  private static final WebFile BIG = new WebFile("big", 1, 64 << 20, "sha-big");
  private static final WebFile MEDIUM = new WebFile("medium", 2, 24 << 20, "sha-medium");
  private static final WebFile TWIN = new WebFile("twin", 4, 2048, "sha-twin");
  private static final WebFile SMALL = new WebFile("small", 3, 2048, "sha-small");

  private static final List<AccessLine> GATEWAY_LINES =
      List.of(line("g-1", done("curl-tenant_a-0", "")), line("g-2", done("bulk-tenant_a", "")));
  private static final List<GatewayAct.Step> STEPS = steps(4, 1, 1 << 20);
  private static final EgressOutcome.Figures FIGURES = figures(0, 1, 0, 1);
  private static final List<Set<String>> SOURCES =
      List.of(Set.of("192.0.2.7:20000"), Set.of("192.0.2.7:20003"));
  private static final Capture.Seen SEEN = new Capture.Seen(1000, List.of(), true);

  private final Transfers transfers = new Transfers(BIG, MEDIUM, SMALL);
  private final Set<String> read = new HashSet<>();

  /** Everything as it should be. */
  private Observed allWell() {
    Observed seen = new Observed();
    seen.ends = new HashMap<>();
    for (WebFile file : List.of(BIG, MEDIUM, SMALL)) {
      seen.files.put(file.path(), file);
    }
    List<Order> orders = new ArrayList<>();
    Stream.of(
            transfers.before(),
            transfers.lasting(),
            transfers.endingAlone(),
            transfers.during(),
            transfers.after())
        .forEach(orders::addAll);
    for (Order order : orders) {
      put(seen, done(order.id(), hash(seen, order)));
    }
    put(seen, done("curl-download", MEDIUM.sha256()));
    List<AccessLine> lines = new ArrayList<>();
    seen.ends.values().forEach(event -> lines.add(line("r-" + event.id(), event)));
    seen.relaysAtKill = Set.of("r-" + DOWNLOAD, "r-orphan-1");
    seen.linesOfSecond = lines;
    seen.endedAlone = Set.of("r-orphan-1");
    transfers.endingAlone().forEach(order -> alone(seen, "r-" + order.id()));
    seen.bytesAlone = 1000;
    seen.answersAlone = 10;
    seen.aloneMs = 1500;
    seen.slowTakenBytes = 1 << 20;
    seen.slowMovedBytes = 2 << 20;
    seen.descriptorsBefore = Map.of("socket", 3, "pipe", 2, "other", 9);
    seen.descriptorsAfter = Map.of("socket", 3, "pipe", 4, "other", 9);
    seen.upgrades.add(new Upgrade("service", true, "", 20, 2, 3, 11));
    seen.upgrades.add(new Upgrade("service", false, "switch: gone", 0, 0, 0, 12));
    seen.upgrades.add(new Upgrade("forwarder-1", true, "", 0, 0, 0, 13));
    seen.connectionsDuringUpgrades = 5;
    seen.forwarderStopped = true;
    seen.serviceStopped = true;
    seen.upgrades.add(new Upgrade(GatewayAct.NAME, false, "commit: gone", 0, 0, 0, 14));
    seen.upgrades.add(new Upgrade(GatewayAct.NAME, true, "", 0, 0, 0, 15));
    seen.gateway = gateway(SMALL, GATEWAY_LINES, STEPS, true);
    seen.egress = egress(FIGURES, SOURCES, SEEN, 1, true);
    return seen;
  }

  /** What was asked for was the small file. */
  private static GatewayAct.Outcome gateway(
      WebFile got, List<AccessLine> lines, List<GatewayAct.Step> steps, boolean stopped) {
    GatewayAct.Fetched curl = new GatewayAct.Fetched(SMALL, done("curl-tenant_a-0", got.sha256()));
    GatewayAct.Fetched bulk = new GatewayAct.Fetched(BIG, done("bulk-tenant_a", BIG.sha256()));
    return new GatewayAct.Outcome(List.of(curl, bulk), 1, steps, lines, stopped);
  }

  private static List<GatewayAct.Step> steps(int count, int underWay, long bytes) {
    return Collections.nCopies(count, new GatewayAct.Step("an upgrade", underWay, bytes));
  }

  private static EgressOutcome egress(
      EgressOutcome.Figures figures,
      List<Set<String>> sources,
      Capture.Seen seen,
      int refused,
      boolean told) {
    return new EgressOutcome(figures, sources, seen, refused, told);
  }

  private static EgressOutcome.Figures figures(int lost, int inHands, int doubled, int kills) {
    return new EgressOutcome.Figures(1000, lost, inHands, 3, doubled, 40, kills, 1);
  }

  private static EgressOutcome sources(String... sources) {
    return egress(FIGURES, Stream.of(sources).map(Set::of).toList(), SEEN, 1, true);
  }

  private static EgressOutcome seen(int packets, List<String> strays, boolean whole) {
    return egress(FIGURES, SOURCES, new Capture.Seen(packets, strays, whole), 1, true);
  }

  private static void alone(Observed seen, String relay) {
    seen.relaysAtKill = with(seen.relaysAtKill, relay);
    seen.endedAlone = with(seen.endedAlone, relay);
  }

  private static Set<String> with(Set<String> set, String one) {
    Set<String> more = new HashSet<>(set);
    more.add(one);
    return more;
  }

  private String hash(Observed seen, Order order) {
    return switch (order.verb()) {
      case DOWNLOAD -> seen.files.get(order.arguments().get(0)).sha256();
      case UPLOAD -> {
        seen.uploaded.put(order.id(), "sha-" + order.id());
        yield "sha-" + order.id();
      }
      case HALF_CLOSE, LATE_SEND -> {
        read.add("sha-" + order.id() + " " + Transfers.HALF_CLOSE_BYTES);
        yield "sha-" + order.id();
      }
      default -> "-";
    };
  }

  private static Event done(String id, String sha256) {
    return new Event(Event.Kind.DONE, id, 100, 200, 1, 4000, 1, sha256, "");
  }

  private static AccessLine line(String relay, Event event) {
    return new AccessLine(relay, event.sent(), event.received(), "eof", true, true);
  }

  private static void put(Observed seen, Event event) {
    seen.ends.put(event.id(), event);
  }

  private List<Proof> proofs(Observed seen) {
    return new Verdict(transfers, seen, (hash, length) -> read.contains(hash + " " + length))
        .proofs();
  }

  private static List<String> broken(List<Proof> proofs) {
    return proofs.stream().filter(proof -> !proof.held()).map(Proof::name).toList();
  }

  @Test
  void allHoldsWhenAllIsWell() {
    List<Proof> proofs = proofs(allWell());
    assertThat(broken(proofs)).isEmpty();
    assertThat(proofs).hasSize(11);
  }

  private static Arguments broken(String promise, Consumer<Observed> how) {
    return Arguments.of(promise, how);
  }

  private static void lines(Observed seen, UnaryOperator<AccessLine> change) {
    List<AccessLine> lines = new ArrayList<>(seen.linesOfSecond);
    int at = lines.indexOf(line("r-" + DOWNLOAD, seen.ends.get(DOWNLOAD)));
    lines.set(at, change.apply(lines.get(at)));
    seen.linesOfSecond = lines;
  }

  private static void without(Observed seen, String relay) {
    seen.linesOfSecond =
        seen.linesOfSecond.stream().filter(line -> !relay.equals(line.relay())).toList();
  }

  static Stream<Arguments> allWays() {
    return Stream.concat(ways(), waysOfPackets());
  }

  private static Stream<Arguments> ways() {
    return Stream.of(
        broken("bytes", seen -> put(seen, done(DOWNLOAD, "another"))),
        broken("bytes", seen -> seen.uploaded.put(UPLOAD, "another")),
        broken("bytes", seen -> put(seen, done("half-closed", "never read by the origin"))),
        broken("bytes", seen -> seen.files.remove(MEDIUM.path())),
        broken("upgrades", seen -> seen.upgrades.remove(1)),
        broken(
            "upgrades",
            seen -> seen.upgrades.set(0, new Upgrade("service", false, "copy: x", 0, 0, 0, 1))),
        broken(
            "upgrades",
            seen -> seen.upgrades.set(0, new Upgrade("service", true, "", 0, 0, 0, 11))),
        broken("upgrades", seen -> seen.connectionsDuringUpgrades = 0),
        broken("survival", seen -> seen.answersAlone = 0),
        broken("mailbox", seen -> seen.endedAlone = Set.of()),
        broken("mailbox", seen -> seen.relaysAtKill = with(seen.relaysAtKill, "r-unknown")),
        broken(
            "accounting",
            seen -> lines(seen, old -> new AccessLine(old.relay(), 100, 199, "eof", true, true))),
        broken(
            "accounting",
            seen -> lines(seen, old -> new AccessLine(old.relay(), 100, 200, "eof", true, false))),
        broken("accounting", seen -> without(seen, "r-visitor-1")),
        broken("back-pressure", seen -> seen.slowMovedBytes = 60 << 20),
        broken("descriptors", seen -> seen.relaysLeft = 1),
        broken("descriptors", seen -> seen.descriptorsAfter = Map.of("socket", 4)),
        broken("orderly-stop", seen -> seen.serviceStopped = false),
        broken("orderly-stop", seen -> seen.forwarderStopped = false));
  }

  private static Stream<Arguments> waysOfPackets() {
    return Stream.of(
        broken("gateway", seen -> seen.gateway = gateway(SMALL, List.of(), STEPS, true)),
        broken("gateway", seen -> seen.gateway = gateway(SMALL, GATEWAY_LINES, STEPS, false)),
        broken("gateway", seen -> seen.gateway = gateway(TWIN, GATEWAY_LINES, STEPS, true)),
        broken(
            "gateway",
            seen -> seen.gateway = gateway(SMALL, GATEWAY_LINES, steps(3, 1, 1 << 20), true)),
        broken(
            "gateway",
            seen -> seen.gateway = gateway(SMALL, GATEWAY_LINES, steps(4, 0, 1 << 20), true)),
        broken(
            "gateway",
            seen ->
                seen.gateway =
                    gateway(SMALL, GATEWAY_LINES, steps(4, 1, Bulk.BUFFERED_BYTES), true)),
        broken("gateway", seen -> seen.gateway = null),
        broken("egress", seen -> seen.egress = null),
        broken("egress", seen -> seen.egress = egress(figures(1, 0, 0, 1), SOURCES, SEEN, 1, true)),
        broken("egress", seen -> seen.egress = egress(figures(0, 3, 0, 1), SOURCES, SEEN, 1, true)),
        broken("egress", seen -> seen.egress = egress(figures(0, 0, 1, 1), SOURCES, SEEN, 1, true)),
        broken("egress", seen -> seen.egress = egress(figures(0, 0, 0, 0), SOURCES, SEEN, 1, true)),
        broken("egress", seen -> seen.egress = egress(FIGURES, SOURCES, SEEN, 0, true)),
        broken("egress", seen -> seen.egress = egress(FIGURES, SOURCES, SEEN, 1, false)),
        broken("egress", seen -> seen.egress = sources("192.0.2.7:20000", "192.0.2.7:20000")),
        broken("egress", seen -> seen.egress = sources("192.0.2.7:20000")),
        broken("egress", seen -> seen.egress = seen(1000, List.of("IP 10.7.0.2.4000 > "), true)),
        broken("egress", seen -> seen.egress = seen(995, List.of(), true)),
        broken("egress", seen -> seen.egress = seen(1000, List.of(), false)),
        broken("gateway", seen -> seen.upgrades.remove(4)),
        broken(
            "gateway",
            seen ->
                seen.upgrades.set(3, new Upgrade(GatewayAct.NAME, false, "spawn: x", 0, 0, 0, 1))));
  }

  @ParameterizedTest
  @MethodSource("allWays")
  void whatIsBrokenIsNamed(String promise, Consumer<Observed> how) {
    Observed seen = allWell();
    how.accept(seen);
    assertThat(broken(proofs(seen))).containsExactly(promise);
  }

  @Test
  void relayThatFailsAtTheKillBreaksSurvivalAndItsReportTellsOfIt() {
    Observed seen = allWell();
    lines(seen, old -> new AccessLine(old.relay(), 100, 200, "reset-a", true, true));
    assertThat(broken(proofs(seen))).containsExactly("survival", "accounting");
  }

  @Test
  void transferThatFailsBreaksBytesAndHalfClose() {
    Observed seen = allWell();
    Event late = seen.ends.get("late-sender");
    put(
        seen,
        new Event(Event.Kind.FAILED, late.id(), 100, 200, 1, 4000, 0, late.sha256(), "reset"));
    assertThat(broken(proofs(seen))).containsExactly("bytes", "half-close");
  }

  private static String told(Demo.Outcome outcome, boolean json, int status) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8);
    assertThat(Demo.tell(outcome, json, out)).isEqualTo(status);
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void tableAndJsonTellOfWhatIsBroken() {
    List<Proof> proofs =
        List.of(new Proof("one", "First.", true, "1"), new Proof("two", "Second.", false, "\"2\""));
    Demo.Outcome outcome = new Demo.Outcome(proofs, 12.34, 5, 6, "");
    assertThat(told(outcome, false, ExitStatus.FAILED))
        .contains("held    First.", "BROKEN  Second.", "1 of 2 promises held, in 12.3 s.");
    JsonObject json = new JsonObject(told(outcome, true, ExitStatus.FAILED));
    assertThat(json.getBoolean("ok")).isFalse();
    assertThat(json.getDouble("seconds")).isEqualTo(12.3);
    assertThat(json.getInteger("bytes")).isEqualTo(5);
    assertThat(json.getInteger("connections")).isEqualTo(6);
    assertThat(json.getJsonArray("proofs").getJsonObject(1).getMap())
        .isEqualTo(
            Map.of(
                "name",
                "two",
                "promise",
                "Second.",
                "held",
                false,
                "shown",
                true,
                "evidence",
                "\"2\""));
    Demo.Outcome good = new Demo.Outcome(proofs.subList(0, 1), 1, 5, 6, "");
    assertThat(told(good, true, ExitStatus.OK)).startsWith("{\"ok\":true");
    Demo.Outcome off = new Demo.Outcome(List.of(), 1, 0, 0, "The demo broke off: no ip");
    assertThat(told(off, true, ExitStatus.FAILED)).contains("\"trouble\":\"The demo broke off");
  }

  @Test
  void whatCouldNotBeShownIsNoSuccess() {
    Proof good = new Proof("one", "First.", true, "1");
    Proof missing = Proof.notShown("two", "Second.", List.of("curl is missing", "no IPv6"));
    Demo.Outcome outcome = new Demo.Outcome(List.of(good, missing), 1, 5, 6, "");
    assertThat(told(outcome, false, ExitStatus.USAGE))
        .contains(
            "MISSING Second.",
            "not shown: curl is missing; no IPv6",
            "1 of 2 promises held, in 1.0 s.");
    JsonObject json = new JsonObject(told(outcome, true, ExitStatus.USAGE));
    assertThat(json.getBoolean("ok")).isFalse();
    assertThat(json.getJsonArray("proofs").getJsonObject(1).getBoolean("shown")).isFalse();
    Proof broken = new Proof("three", "Third.", false, "3");
    Demo.Outcome both = new Demo.Outcome(List.of(good, missing, broken), 1, 5, 6, "");
    assertThat(told(both, false, ExitStatus.FAILED)).contains("BROKEN  Third.");
  }

  @Test
  void sourcesOfCapturedPacketsAreRead() {
    assertThat(Capture.source("12:00:00.1 IP 192.0.2.7.20001 > 203.0.113.2.5353: UDP, length 8"))
        .isEqualTo(new Capture.Source("192.0.2.7", 20_001));
    assertThat(Capture.source("12:00:00.1 IP 192.0.2.7 > 203.0.113.2: ICMP echo request, id 7"))
        .isEqualTo(new Capture.Source("192.0.2.7", -1));
    assertThat(Capture.source("12:00:00.1 ARP, Request")).isEqualTo(new Capture.Source("", -1));
  }

  @Test
  void datagramIsLostUnlessSomebodyWasKilledThen() {
    EgressOutcome.Gap hands = new EgressOutcome.Gap(true, 100, 200);
    EgressOutcome.Gap nobody = new EgressOutcome.Gap(false, 300, 400);
    assertThat(EgressOutcome.Figures.causes(List.of(99L, 100L, 201L, 350L), List.of(hands, nobody)))
        .containsExactly(2, 1, 1);
  }
}
