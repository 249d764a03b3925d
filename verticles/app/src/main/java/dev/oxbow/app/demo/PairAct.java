package dev.oxbow.app.demo;

import dev.oxbow.app.check.Finding;
import dev.oxbow.app.check.PacketsCheck;
import dev.oxbow.app.check.Tools;
import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.client.Order;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fish.FishTrial;
import dev.oxbow.service.runtime.StartException;
import io.vertx.core.Vertx;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * A download and a chat of one client go through the first node of a pair, which is killed. One
 * thread, blocking.
 */
final class PairAct {
  private static final long ACT_SECONDS = 20;
  private static final long DOWNLOAD_BYTES = 160L << 20;
  private static final int BYTES_PER_SECOND = 8 << 20;
  private static final int RECEIVE_BUFFER = 64 * 1024;
  private static final long ANSWER_BYTES = 64;
  private static final int ANSWERS_PER_SECOND = 100;

  /** What is looked at of a quiet time before the kill. */
  private static final long CALM_NANOS = 1_000_000_000;

  private static final int LATER = 200;
  private static final List<String> ESTABLISHED = List.of("-tnH", "state", "established");

  private final PairNetwork places;
  private final PairNode first;
  private final PairNode second;
  private final Progress progress;
  private final List<WebFile> files;

  private PairAct(
      PairNetwork places, PairNode first, PairNode second, Progress progress, List<WebFile> files) {
    this.places = places;
    this.first = first;
    this.second = second;
    this.progress = progress;
    this.files = files;
  }

  /**
   * Plays it from the namespaces to the end of the second node.
   *
   * @throws MissingException when this machine lacks something
   */
  static PairOutcome play(Path ip, Path folder, Cleanup cleanup, Progress progress)
      throws Exception {
    List<String> lacks = lacks();
    if (!lacks.isEmpty()) {
      throw new MissingException("The demo of a pair cannot be shown: " + String.join("; ", lacks));
    }
    progress.say("making network namespaces: clients - two nodes - origin");
    PairNetwork places = PairNetwork.open(ip, cleanup);
    Path www = folder.resolve("www");
    Files.createDirectories(www.resolve("upload"));
    List<WebFile> files =
        List.of(
            WebFile.make(www, "big.bin", 1, DOWNLOAD_BYTES),
            WebFile.make(www, "answer.bin", 2, ANSWER_BYTES));
    progress.say("starting the origin, and a Fish on each node");
    OriginProcesses origin = OriginProcesses.start(places.network(), folder, cleanup);
    PairNode first = PairNode.start(0, places, folder, cleanup);
    PairNode second = PairNode.start(1, places, folder, cleanup);
    Vertx vertx = NativeVertx.open(1);
    cleanup.add(() -> vertx.close().await(ACT_SECONDS, TimeUnit.SECONDS));
    origin.awaitReady(ACT_SECONDS);
    first.awaitServing(vertx);
    second.awaitServing(vertx);
    return new PairAct(places, first, second, progress, files).play();
  }

  private static List<String> lacks() {
    List<String> lacks = new ArrayList<>();
    if (Tools.find("nft").isEmpty()) {
      lacks.add("nft is missing (Debian: apt-get install nftables)");
    }
    PacketsCheck.examine(true).stream()
        .filter(finding -> finding.level() != Finding.Level.OK)
        .map(finding -> finding.detail() + " (" + finding.remedy() + ")")
        .forEach(lacks::add);
    if (lacks.isEmpty()) {
      try {
        Grant grant = new Grant(PairNetwork.SHARED, 20_000, 20_999);
        FishTrial.run(new FishOptions().setEgress(List.of(grant)));
      } catch (StartException e) {
        lacks.add(String.valueOf(e.getMessage()));
      }
    }
    return lacks;
  }

  private PairOutcome play() throws Exception {
    progress.say("a gateway on each node, with the same session: one carries, the other waits");
    first.awaitPartner();
    second.awaitPartner();
    first.startGateway();
    first.awaitCarrying();
    second.startGateway();
    second.awaitWaiting();
    places.routeIntoTun(0);
    places.routeIntoTun(1);
    long lagMicros = first.pair().getLong("lagMicros");
    progress.say("a client downloads and chats through " + first.name());
    List<Bulk> bulks = begin();
    progress.watch(
        () -> bulks.stream().filter(Bulk::underWay).count() + " connections",
        () -> bulks.stream().mapToLong(Bulk::received).sum());
    try (Stalls stalls = new Stalls(bulks)) {
      return play(bulks, stalls, lagMicros);
    }
  }

  private List<Bulk> begin() throws InterruptedException {
    List<Bulk> bulks = new ArrayList<>();
    WebFile big = files.get(0);
    WebFile answer = files.get(1);
    bulks.add(begin(big, Order.download("download", big.path(), BYTES_PER_SECOND, RECEIVE_BUFFER)));
    bulks.add(
        begin(answer, Order.keepAlive("chat", answer.path(), answer.sha256(), ANSWERS_PER_SECOND)));
    first.service().await("first bytes", ACT_SECONDS, () -> count(bulks) == bulks.size());
    return bulks;
  }

  private static Bulk begin(WebFile file, Order order) {
    return Bulk.begin(Network.Place.CLIENTS, Network.ORIGIN_ADDRESS, file, order);
  }

  private static int count(List<Bulk> bulks) {
    return (int) bulks.stream().filter(Bulk::underWay).count();
  }

  private PairOutcome play(List<Bulk> bulks, Stalls stalls, long lagMicros) throws Exception {
    second
        .service()
        .await(
            "that " + second.name() + " knows of the connections",
            ACT_SECONDS,
            () -> second.kept() >= bulks.size());
    calmSecond(stalls);
    final List<Long> calmMs = all(stalls);
    final Set<String> before = sources();
    final boolean waited = second.waits() && !second.carries();
    final int underWay = count(bulks);
    kill(stalls);
    final int resumed = second.resumed();
    progress.say(second.name() + " goes on with " + resumed + " connections");
    List<Long> had = goOn(bulks);
    final List<Long> stallsMs = all(stalls);
    progress.say("they go on: " + figures(bulks, stallsMs));
    calmSecond(stalls);
    final Set<String> after = sources();
    List<Long> bytesAfter = new ArrayList<>();
    for (int i = 0; i < bulks.size(); i++) {
      bytesAfter.add(bulks.get(i).received() - had.get(i));
    }
    bulks.forEach(Bulk::release);
    List<Event> ends = new ArrayList<>();
    for (Bulk bulk : bulks) {
      ends.add(bulk.await(ACT_SECONDS));
    }
    progress.unwatch();
    progress.say("both have ended: stopping " + second.name());
    return new PairOutcome(
        lagMicros,
        waited,
        files,
        ends,
        underWay,
        resumed,
        before,
        after,
        calmMs,
        stallsMs,
        bytesAfter,
        second.stop());
  }

  private void calmSecond(Stalls stalls) throws InterruptedException {
    long since = System.nanoTime();
    stalls.reset();
    second.service().await("a calm second", ACT_SECONDS, () -> past(since));
  }

  /** Until the other node carries. */
  private void kill(Stalls stalls) throws InterruptedException {
    progress.say(
        String.format(
            Locale.ROOT,
            "kill -9 of all of %s (%d, %d); routes go to %s",
            first.name(),
            first.service().pid(),
            first.gateway().pid(),
            second.name()));
    stalls.reset();
    first.strike();
    places.leadTo(1);
    first.kill();
    second.awaitCarrying();
  }

  private static boolean past(long since) {
    return System.nanoTime() - since > CALM_NANOS;
  }

  private static List<Long> all(Stalls stalls) {
    return List.of(stalls.longestMs(0), stalls.longestMs(1));
  }

  private static String figures(List<Bulk> bulks, List<Long> stallsMs) {
    List<String> figures = new ArrayList<>();
    for (int i = 0; i < bulks.size(); i++) {
      figures.add(bulks.get(i).progress().id() + " after " + stallsMs.get(i) + " ms");
    }
    return String.join(", ", figures);
  }

  /** Waits until something has come for each after the kill; what each had then. */
  private List<Long> goOn(List<Bulk> bulks) throws InterruptedException {
    List<Long> had = bulks.stream().map(Bulk::received).toList();
    second
        .service()
        .await(
            "that all go on",
            ACT_SECONDS,
            () -> {
              boolean all = true;
              for (int i = 0; i < had.size(); i++) {
                all &= bulks.get(i).received() > had.get(i) + LATER;
              }
              return all;
            });
    return bulks.stream().map(Bulk::received).toList();
  }

  /** Where the server sees connections come from. */
  private Set<String> sources() throws InterruptedException {
    List<String> command = new ArrayList<>(List.of("ss"));
    command.addAll(ESTABLISHED);
    command.add("sport = :" + OriginProcesses.HTTP_PORT);
    Shell.Result result = Shell.run(places.network().inside(Network.Place.ORIGIN, command));
    if (!result.ok()) {
      throw new IllegalStateException("ss: " + result.text());
    }
    Set<String> sources = new TreeSet<>();
    for (String line : result.text().lines().toList()) {
      String[] fields = line.strip().split("\\s+", -1);
      sources.add(fields[fields.length - 1].replace("[::ffff:", "").replace("]", ""));
    }
    return sources;
  }
}
