package dev.oxbow.app.demo;

import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.client.Order;
import dev.oxbow.app.demo.payload.Hash;
import dev.oxbow.splicer.RelayPage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** What happens on the stage, act by act. One thread, blocking. */
final class Scenario {
  private static final long ACT_SECONDS = 20;

  /** What the slow reader has taken, after a second or two, when its relay is looked at. */
  private static final long SLOW_TAKEN_BYTES = 400 << 10;

  private final Stage stage;
  private final Progress progress;
  private final ClientProcess clients;
  private final Observed observed = new Observed();
  private final Transfers transfers;
  private final List<CurlClient> curls = new ArrayList<>();
  private final WebFile big;
  private final WebFile medium;
  private final WebFile small;
  private long bytesAtKill;
  private int answersAtKill;
  private long killedAt;
  private int upgradesTold;

  private Scenario(Stage stage, Progress progress) throws IOException {
    this.stage = stage;
    this.progress = progress;
    this.clients = stage.clients();
    big = file("big.bin", 1, Transfers.BIG_BYTES);
    medium = file("medium.bin", 2, Transfers.MEDIUM_BYTES);
    small = file("small.bin", 3, Transfers.SMALL_BYTES);
    transfers = new Transfers(big, medium, small);
  }

  /** Plays it from the first forwarder to the end of the service. */
  static Verdict play(Stage stage, Progress progress) throws Exception {
    Scenario scenario = new Scenario(stage, progress);
    Child first = stage.startForwarder();
    Optional<GatewayAct> gateway = GatewayAct.begin(stage, progress);
    Optional<EgressAct> egress = EgressAct.begin(stage, gateway.isPresent(), progress);
    scenario.observed.descriptorsBefore = ProcFiles.descriptors(stage.service().pid());
    scenario.observed.residentBefore = ProcFiles.residentBytes(stage.service().pid());
    progress.watch(scenario::relaysNow, scenario.clients::bytes);
    scenario.connect();
    if (gateway.isPresent()) {
      gateway.get().download(scenario.medium);
      gateway.get().downloadBulk(scenario.big);
    }
    scenario.replace(first, gateway, egress);
    Child second = scenario.kill(first, gateway, egress);
    scenario.finish();
    if (gateway.isPresent()) {
      gateway.get().await(ACT_SECONDS);
      if (egress.isPresent()) {
        scenario.observed.egress = egress.get().end(gateway.get().process());
      }
    }
    scenario.stop(second, gateway);
    return new Verdict(scenario.transfers, scenario.observed, stage.origin()::hasRead);
  }

  private void connect() throws InterruptedException {
    progress.say(
        "clients download, upload, half-close and request through the forwarder (origin: "
            + stage.origin().httpServer()
            + ")");
    transfers.before().forEach(clients::order);
    clients.await("requests before the kill", ACT_SECONDS, Transfers.done(transfers.before()));
    transfers.lasting().forEach(clients::order);
    transfers.endingAlone().forEach(clients::order);
    CurlClient.find().ifPresent(this::startCurls);
    clients.await(
        "transfers before the kill", ACT_SECONDS, Transfers.underWay(transfers.lasting()));
    clients.await(
        "transfers before the kill", ACT_SECONDS, Transfers.underWay(transfers.endingAlone()));
    clients.await("the slow reader", ACT_SECONDS, events -> taken(events) >= SLOW_TAKEN_BYTES);
    observeSlowReader();
  }

  private static long taken(Map<String, Event> events) {
    Event reader = events.get(Transfers.SLOW_READER);
    return reader == null ? 0 : reader.received();
  }

  private void startCurls(Path curl) {
    curls.add(CurlClient.download(stage, curl, "curl-download", medium.path()));
    curls.add(
        CurlClient.upload(
            stage, curl, "curl-upload", stage.www().resolve(medium.name()), "/upload/curl"));
  }

  /** New connections all the time, and old ones that go on. */
  private void replace(Child forwarder, Optional<GatewayAct> gateway, Optional<EgressAct> egress)
      throws InterruptedException, IOException {
    progress.say("replacing service and forwarder while they work; new clients come all the time");
    transfers.during().forEach(clients::order);
    clients.await("the first visitors", ACT_SECONDS, Transfers.underWay(transfers.during()));
    int before = connections(transfers.during());
    during(
        gateway,
        "an upgrade of the service",
        () -> replaceServiceAnd(forwarder, stage.forwarderDir()));
    during(gateway, "two that failed", () -> killSuccessors(gateway, egress));
    if (gateway.isPresent()) {
      progress.say("replacing service and gateway");
      Child process = gateway.get().process();
      gateway.get().download(small);
      during(
          gateway,
          "one of service and gateway",
          () -> replaceServiceAnd(process, stage.gatewayDir()));
    } else {
      replaceServiceAnd(forwarder, stage.forwarderDir());
    }
    observed.connectionsDuringUpgrades = connections(transfers.during()) - before;
    transfers.during().forEach(order -> clients.order(Order.release(order.id())));
    clients.await("the last visitors", ACT_SECONDS, Transfers.done(transfers.during()));
  }

  private static void during(Optional<GatewayAct> gateway, String what, GatewayAct.Deed deed)
      throws InterruptedException, IOException {
    if (gateway.isPresent()) {
      gateway.get().during(what, deed);
    } else {
      deed.happen();
    }
  }

  private void replaceServiceAnd(Child other, Path directory) throws InterruptedException {
    observed.upgrades.addAll(Upgrade.atOnce(stage.service(), stage.serviceDir(), other, directory));
    tellOfUpgrades();
  }

  private void killSuccessors(Optional<GatewayAct> gateway, Optional<EgressAct> egress)
      throws InterruptedException, IOException {
    progress.say(
        "a successor of the service dies half-way: kill -9 when half of the relays are its own"
            + (gateway.isPresent() ? "; one of the gateway's, just before it commits" : ""));
    Upgrade.forget(stage.serviceDir());
    List<Child> dying = new ArrayList<>(List.of(stage.startDyingSuccessor()));
    if (gateway.isPresent()) {
      Upgrade.forget(stage.gatewayDir());
      gateway.get().download(small);
      Child successor = stage.startDyingGateway();
      egress.ifPresent(act -> act.dies(successor));
      dying.add(successor);
    }
    for (Child each : dying) {
      int unused = each.awaitEnd(ACT_SECONDS);
    }
    observed.upgrades.add(Upgrade.last(stage.service(), stage.serviceDir(), ACT_SECONDS));
    if (gateway.isPresent()) {
      Child process = gateway.get().process();
      observed.upgrades.add(Upgrade.last(process, stage.gatewayDir(), ACT_SECONDS));
    }
    tellOfUpgrades();
  }

  private void tellOfUpgrades() {
    for (; upgradesTold < observed.upgrades.size(); upgradesTold++) {
      progress.say(observed.upgrades.get(upgradesTold).sentence());
    }
  }

  private int connections(List<Order> orders) {
    Map<String, Event> events = clients.events();
    return orders.stream()
        .map(order -> events.get(order.id()))
        .filter(Objects::nonNull)
        .mapToInt(Event::connections)
        .sum();
  }

  /** The forwarder, and the gateway with its Fish; the next ones start at the same time. */
  private Child kill(Child forwarder, Optional<GatewayAct> gateway, Optional<EgressAct> egress)
      throws InterruptedException, IOException {
    if (gateway.isEmpty()) {
      killForwarder(forwarder);
      return restartForwarder();
    }
    GatewayAct act = gateway.get();
    List<Child> next = new ArrayList<>();
    act.during(
        "kill -9 of the gateway",
        () -> {
          progress.say("kill -9 " + act.process().pid() + ": the gateway and its Fish are gone");
          Optional<Runnable> back = egress.map(EgressAct::killed);
          act.kill();
          act.startNext();
          killForwarder(forwarder);
          next.add(restartForwarder());
          act.awaitNext();
          back.ifPresent(Runnable::run);
          progress.say("gateway " + act.process().pid() + " goes on with what was there");
        });
    return next.get(0);
  }

  private void killForwarder(Child forwarder) throws InterruptedException {
    Set<String> relays = relaysOnceHandedOver();
    bytesAtKill = clients.bytes();
    answersAtKill = answers();
    killedAt = System.nanoTime();
    forwarder.kill();
    observed.relaysAtKill = relays;
    progress.say(
        "kill -9 "
            + forwarder.pid()
            + ": the forwarder is gone, "
            + relays.size()
            + " relays go on");
    transfers.endingAlone().forEach(order -> clients.order(Order.release(order.id())));
    clients.await(
        "transfers without a forwarder", ACT_SECONDS, Transfers.done(transfers.endingAlone()));
    stage.service().await("end of their relays", ACT_SECONDS, () -> ended(relays) >= endingAlone());
    Set<String> alone = new HashSet<>(relays);
    alone.removeAll(stage.watch().relays().keySet());
    observed.endedAlone = alone;
  }

  private Child restartForwarder() throws InterruptedException {
    progress.say(
        "starting another forwarder, which finds the reports of "
            + observed.endedAlone.size()
            + " relays that ended meanwhile");
    Child forwarder = stage.startForwarder();
    observed.bytesAlone = clients.bytes() - bytesAtKill;
    observed.answersAlone = answers() - answersAtKill;
    observed.aloneMs = (System.nanoTime() - killedAt) / 1_000_000;
    progress.say("forwarder " + forwarder.pid() + " is there: new connections, and full speed");
    transfers.lasting().forEach(order -> clients.order(Order.release(order.id())));
    transfers.after().forEach(clients::order);
    return forwarder;
  }

  private void finish() throws InterruptedException, IOException {
    clients.await("transfers over the kill", ACT_SECONDS, Transfers.done(transfers.lasting()));
    clients.await("transfers after the kill", ACT_SECONDS, Transfers.done(transfers.after()));
    for (CurlClient curl : curls) {
      clients.add(curl.await(ACT_SECONDS));
    }
    Child service = stage.service();
    service.await("end of all relays", ACT_SECONDS, () -> stage.watch().relays().isEmpty());
    observed.ends = clients.events();
    collectUploads();
  }

  private void stop(Child forwarder, Optional<GatewayAct> gateway) throws Exception {
    progress.say("all transfers are over: counting descriptors, stopping forwarder and service");
    progress.unwatch();
    Child service = stage.service();
    service.await("descriptors of the service, back again", ACT_SECONDS, this::descriptorsBack);
    observed.descriptorsAfter = ProcFiles.descriptors(service.pid());
    observed.relaysLeft = stage.watch().relays().size();
    observed.forwarderStopped = forwarder.stop();
    if (gateway.isPresent()) {
      observed.gateway = gateway.get().stop(ACT_SECONDS);
    }
    stage.closeWatch();
    observed.serviceStopped = service.stop();
    observed.linesOfFirst = AccessLine.readAll(stage.accessLog(1));
    observed.linesOfSecond = AccessLine.readAll(stage.accessLog(2));
  }

  /** The oldest way to be slow: what the reader has not taken must wait in buffers and at home. */
  private void observeSlowReader() {
    Event reader = clients.events().get(Transfers.SLOW_READER);
    for (RelayPage.Entry relay : stage.watch().relays().values()) {
      if (reader != null && ServiceWatch.clientOf(relay).endsWith(":" + reader.port())) {
        observed.slowTakenBytes = reader.received();
        observed.slowMovedBytes = relay.bytesBToA();
      }
    }
  }

  /** The relays of all transfers: a connection on its way to the Splicer would die by the kill. */
  private Set<String> relaysOnceHandedOver() throws InterruptedException {
    int expected = transfers.lasting().size() + endingAlone();
    stage
        .service()
        .await(
            "relays of all transfers",
            ACT_SECONDS,
            () -> {
              long curlsAlive = curls.stream().filter(CurlClient::isAlive).count();
              return stage.watch().relays().size() >= expected + curlsAlive;
            });
    return new HashSet<>(stage.watch().relays().keySet());
  }

  /** What has ended is closed soon, on another thread, and pipes after a while; leaks stay. */
  private boolean descriptorsBack() {
    Map<String, Integer> now = ProcFiles.descriptors(stage.service().pid());
    return Verdict.descriptorsBack(observed.descriptorsBefore, now);
  }

  private int ended(Set<String> relays) {
    Set<String> ended = new HashSet<>(relays);
    ended.removeAll(stage.watch().relays().keySet());
    return ended.size();
  }

  private int endingAlone() {
    return transfers.endingAlone().size();
  }

  private int answers() {
    return clients.events().values().stream().mapToInt(Event::answers).sum();
  }

  private String relaysNow() {
    long resident = ProcFiles.residentBytes(stage.service().pid());
    observed.residentPeak = Math.max(observed.residentPeak, resident);
    int running = 0;
    for (Event event : clients.events().values()) {
      running += event.ended() ? 0 : 1;
    }
    return running + " transfers";
  }

  private void collectUploads() throws IOException {
    for (Map.Entry<String, Event> end : observed.ends.entrySet()) {
      String id = end.getKey();
      if (id.equals("curl-upload") || id.startsWith("upload-")) {
        String name = id.equals("curl-upload") ? "curl" : id.replace("upload-", "");
        Path file = stage.www().resolve("upload").resolve(name);
        observed.uploaded.put(id, Hash.ofFile(file));
      }
    }
  }

  private WebFile file(String name, long seed, long length) throws IOException {
    WebFile file = WebFile.make(stage.www(), name, seed, length);
    observed.files.put(file.path(), file);
    return file;
  }
}
