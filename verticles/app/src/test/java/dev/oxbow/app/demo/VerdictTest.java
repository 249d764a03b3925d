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
  private static final WebFile SMALL = new WebFile("small", 3, 2048, "sha-small");

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
    Event end = done("curl-tenant_a-0", SMALL.sha256());
    seen.gateway = gateway(List.of(line("g-1", end)), true);
    return seen;
  }

  private static GatewayAct.Outcome gateway(List<AccessLine> lines, boolean stopped) {
    Event end = done("curl-tenant_a-0", SMALL.sha256());
    return new GatewayAct.Outcome(List.of(end), lines, stopped);
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
    assertThat(proofs).hasSize(10);
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

  static Stream<Arguments> ways() {
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
        broken("gateway", seen -> seen.gateway = gateway(List.of(), true)),
        broken("gateway", seen -> seen.gateway = gateway(seen.gateway.lines(), false)),
        broken("gateway", seen -> seen.upgrades.remove(4)),
        broken(
            "gateway",
            seen ->
                seen.upgrades.set(3, new Upgrade(GatewayAct.NAME, false, "spawn: x", 0, 0, 0, 1))),
        broken("orderly-stop", seen -> seen.serviceStopped = false),
        broken("orderly-stop", seen -> seen.forwarderStopped = false));
  }

  @ParameterizedTest
  @MethodSource("ways")
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
        .isEqualTo(Map.of("name", "two", "promise", "Second.", "held", false, "evidence", "\"2\""));
    Demo.Outcome good = new Demo.Outcome(proofs.subList(0, 1), 1, 5, 6, "");
    assertThat(told(good, true, ExitStatus.OK)).startsWith("{\"ok\":true");
    Demo.Outcome off = new Demo.Outcome(List.of(), 1, 0, 0, "The demo broke off: no ip");
    assertThat(told(off, true, ExitStatus.FAILED)).contains("\"trouble\":\"The demo broke off");
  }
}
