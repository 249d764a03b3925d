package dev.oxbow.app.demo;

import dev.oxbow.app.console.Units;
import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.client.Order;
import dev.oxbow.config.SplicerOptions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiPredicate;

/** Holds what was seen against what was promised. */
final class Verdict {

  /** What sockets, pipe and read-ahead may hold for a slow reader at most. */
  private static final long BUFFERED_BYTES = 16 << 20;

  /** Both ends of the pipes that may stay open while idle: the default of splicer.idlePipes. */
  private static final int IDLE_PIPE_ENDS = 2 * SplicerOptions.DEFAULT_IDLE_PIPES;

  private final Transfers transfers;
  private final Observed observed;
  private final BiPredicate<String, Long> originHasRead;
  private final List<AccessLine> lines = new ArrayList<>();

  /**
   * @param originHasRead whether the origin has read bytes of such a hash, and so many, to their
   *     end
   */
  Verdict(Transfers transfers, Observed observed, BiPredicate<String, Long> originHasRead) {
    this.transfers = transfers;
    this.observed = observed;
    this.originHasRead = originHasRead;
    // A forwarder that was killed between line and acknowledgement is told of the relay again.
    Set<String> seen = new HashSet<>();
    for (List<AccessLine> log : List.of(observed.linesOfFirst, observed.linesOfSecond)) {
      for (AccessLine line : log) {
        if (line.relay() == null || seen.add(line.relay())) {
          lines.add(line);
        }
      }
    }
  }

  /** All promises, each with its evidence. */
  List<Proof> proofs() {
    List<Proof> proofs =
        new ArrayList<>(
            List.of(
                bytes(),
                upgrades(),
                survival(),
                mailbox(),
                accounting(),
                halfClose(),
                backPressure(),
                descriptors(),
                orderlyStop()));
    GatewayAct.Outcome gateway = observed.gateway;
    proofs.add(
        gateway == null ? GatewayAct.notShown(GatewayAct.lacks()) : gateway.proof(upgrades(true)));
    EgressOutcome egress = observed.egress;
    proofs.add(egress == null ? EgressOutcome.notShown(EgressAct.lacks()) : egress.proof());
    return proofs;
  }

  /** Bytes that clients sent and received. */
  long bytesMoved() {
    return events().stream().mapToLong(event -> event.sent() + event.received()).sum();
  }

  /** Connections that clients made. */
  int connections() {
    return events().stream().mapToInt(Event::connections).sum();
  }

  private Proof bytes() {
    int right = 0;
    List<String> wrong = new ArrayList<>();
    for (Event event : events()) {
      if (event.kind() == Event.Kind.DONE && hashIsRight(event)) {
        right++;
      } else {
        wrong.add(event.id());
      }
    }
    int answers = events().stream().mapToInt(Event::answers).sum();
    return new Proof(
        "bytes",
        "Every byte arrives, unchanged and in order",
        wrong.isEmpty() && right > 0,
        wrong.isEmpty()
            ? String.format(
                Locale.ROOT,
                "%s in %d transfers and %d answers, each with the right SHA-256",
                Units.bytes(bytesMoved()),
                right,
                answers)
            : "wrong: " + wrong);
  }

  /** Tasks that check every answer themselves have no hash of their own. */
  private boolean hashIsRight(Event event) {
    String id = event.id();
    if (observed.uploaded.containsKey(id)) {
      return event.sha256().equals(observed.uploaded.get(id));
    }
    if (id.equals("curl-download")) {
      return observed.files.values().stream().anyMatch(f -> f.sha256().equals(event.sha256()));
    }
    Order order = order(id);
    return switch (order.verb()) {
      case DOWNLOAD -> {
        WebFile file = observed.files.get(order.arguments().get(0));
        yield file != null && file.sha256().equals(event.sha256());
      }
      case HALF_CLOSE, LATE_SEND -> originHasRead.test(event.sha256(), Transfers.HALF_CLOSE_BYTES);
      case REQUESTS, VISITS, KEEP_ALIVE -> event.answers() > 0;
      case UPLOAD, RELEASE -> false;
    };
  }

  private Proof upgrades() {
    List<Upgrade> all = upgrades(false);
    List<Upgrade> failed = all.stream().filter(u -> !u.committed()).toList();
    List<Upgrade> moving = all.stream().filter(u -> u.relays() > 0).toList();
    boolean held =
        failed.size() == 1
            && failed.get(0).reason().startsWith("switch: ")
            && all.size() > 2
            && !moving.isEmpty()
            && observed.connectionsDuringUpgrades > 0;
    return new Proof(
        "upgrades",
        "Service and forwarder are replaced while they work, and nobody notices",
        held,
        String.format(
            Locale.ROOT,
            "%d upgrades, %d of them undone as the successor was killed half-way; up to %d relays"
                + " changed hands, each paused %.1f ms at most (p99 %.1f ms); %d connections were"
                + " made meanwhile%s",
            all.size(),
            failed.size(),
            moving.stream().mapToLong(Upgrade::relays).max().orElse(0),
            moving.stream().mapToDouble(Upgrade::maxMs).max().orElse(0),
            moving.stream().mapToDouble(Upgrade::p99Ms).max().orElse(0),
            observed.connectionsDuringUpgrades,
            held ? "" : "; " + String.join("; ", all.stream().map(Upgrade::sentence).toList())));
  }

  /** Those of the gateway, or those of all else. */
  private List<Upgrade> upgrades(boolean ofGateway) {
    return observed.upgrades.stream()
        .filter(upgrade -> upgrade.what().equals(GatewayAct.NAME) == ofGateway)
        .toList();
  }

  private Proof survival() {
    long failed =
        lines.stream()
            .filter(line -> observed.relaysAtKill.contains(String.valueOf(line.relay())))
            .filter(line -> !line.reason().equals("eof"))
            .count();
    boolean held =
        !observed.relaysAtKill.isEmpty()
            && failed == 0
            && observed.bytesAlone > 0
            && observed.answersAlone > 0;
    return new Proof(
        "survival",
        "Relays outlive kill -9 of the proxy",
        held,
        String.format(
            Locale.ROOT,
            "%d relays alive at the kill, %d failed: %s and %d answers in the %.1f s without a"
                + " forwarder",
            observed.relaysAtKill.size(),
            failed,
            Units.bytes(observed.bytesAlone),
            observed.answersAlone,
            observed.aloneMs / 1000.0));
  }

  private Proof mailbox() {
    Set<String> logged = new HashSet<>();
    for (AccessLine line : observed.linesOfSecond) {
      if (line.earlierLife() && line.relay() != null) {
        logged.add(line.relay());
      }
    }
    boolean held =
        logged.containsAll(observed.relaysAtKill)
            && observed.relaysAtKill.containsAll(observed.endedAlone)
            && observed.endedAlone.size() >= transfers.endingAlone().size();
    return new Proof(
        "mailbox",
        "The next proxy gets the sockets and reports of the last",
        held,
        String.format(
            Locale.ROOT,
            "%d reports of relays that it had not begun, %d of them waiting when it came",
            logged.size(),
            observed.endedAlone.size()));
  }

  private Proof accounting() {
    long toTarget = lines.stream().mapToLong(AccessLine::bytesToTarget).sum();
    long toClient = lines.stream().mapToLong(AccessLine::bytesToClient).sum();
    long sent = events().stream().mapToLong(Event::sent).sum();
    long received = events().stream().mapToLong(Event::received).sum();
    boolean tcpInfo = lines.stream().allMatch(AccessLine::hasTcpInfo);
    boolean held =
        lines.size() == connections()
            && reasons().keySet().equals(Set.of("eof"))
            && toTarget == sent
            && toClient == received
            && tcpInfo;
    return new Proof(
        "accounting",
        "Reports tell the truth, byte for byte",
        held,
        String.format(
            Locale.ROOT,
            "%d connections, %d reports %s; bytes to origin %d of %d, to clients %d of %d; TCP_INFO"
                + " of both sides in %s",
            connections(),
            lines.size(),
            reasons(),
            toTarget,
            sent,
            toClient,
            received,
            tcpInfo ? "all" : "not all"));
  }

  private Proof halfClose() {
    long done =
        events().stream()
            .filter(event -> event.kind() == Event.Kind.DONE && halfCloses(event.id()))
            .count();
    long wanted = orders().stream().filter(Verdict::halfCloses).count();
    return new Proof(
        "half-close",
        "One side may stop sending and go on receiving",
        done == wanted && done > 0,
        String.format(
            Locale.ROOT,
            "%d of %d connections, in both directions; two were half-closed when the forwarder"
                + " was killed",
            done,
            wanted));
  }

  private Proof backPressure() {
    long ahead = observed.slowMovedBytes - observed.slowTakenBytes;
    boolean held =
        observed.slowTakenBytes > 0 && ahead < BUFFERED_BYTES && ahead < Transfers.BIG_BYTES / 2;
    return new Proof(
        "back-pressure",
        "A slow reader slows its sender, and costs no memory",
        held,
        String.format(
            Locale.ROOT,
            "of %s it had taken %s and the relay had moved %s; service %s resident, %s before",
            Units.bytes(Transfers.BIG_BYTES),
            Units.bytes(observed.slowTakenBytes),
            Units.bytes(observed.slowMovedBytes),
            Units.bytes(observed.residentPeak),
            Units.bytes(observed.residentBefore)));
  }

  private Proof descriptors() {
    Map<String, Integer> before = observed.descriptorsBefore;
    Map<String, Integer> after = observed.descriptorsAfter;
    boolean held = observed.relaysLeft == 0 && descriptorsBack(before, after);
    return new Proof(
        "descriptors",
        "Nothing is left behind",
        held,
        "relays left: "
            + observed.relaysLeft
            + "; descriptors of the service before "
            + before
            + ", after "
            + after
            + " (pipes are pooled)");
  }

  /** Sockets and files as before, pipes as before but for the pool's idle ones. */
  static boolean descriptorsBack(Map<String, Integer> before, Map<String, Integer> after) {
    return !before.isEmpty()
        && after.getOrDefault("socket", 0) <= before.getOrDefault("socket", 0)
        && after.getOrDefault("other", 0) <= before.getOrDefault("other", 0)
        && after.getOrDefault("pipe", 0) <= before.getOrDefault("pipe", 0) + IDLE_PIPE_ENDS;
  }

  private Proof orderlyStop() {
    boolean held = observed.forwarderStopped && observed.serviceStopped;
    return new Proof(
        "orderly-stop",
        "SIGTERM stops in order",
        held,
        "forwarder: "
            + (observed.forwarderStopped ? "stopped" : "not stopped")
            + ", service: "
            + (observed.serviceStopped ? "stopped" : "not stopped"));
  }

  private Map<String, Integer> reasons() {
    Map<String, Integer> reasons = new TreeMap<>();
    lines.forEach(line -> reasons.merge(line.reason(), 1, Integer::sum));
    return reasons;
  }

  private List<Event> events() {
    return List.copyOf(observed.ends.values());
  }

  private boolean halfCloses(String id) {
    return orders().stream().anyMatch(order -> order.id().equals(id) && halfCloses(order));
  }

  private static boolean halfCloses(Order order) {
    return order.verb() == Order.Verb.HALF_CLOSE || order.verb() == Order.Verb.LATE_SEND;
  }

  private Order order(String id) {
    return orders().stream().filter(order -> order.id().equals(id)).findFirst().orElseThrow();
  }

  private List<Order> orders() {
    List<Order> orders = new ArrayList<>(transfers.before());
    orders.addAll(transfers.lasting());
    orders.addAll(transfers.endingAlone());
    orders.addAll(transfers.during());
    orders.addAll(transfers.after());
    return orders;
  }
}
