package dev.oxbow.app.demo;

import dev.oxbow.app.process.Self;
import dev.oxbow.fish.Fish;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One node of a pair: a service with a Fish, and the gateway that gives the client's packets to it.
 * One thread, blocking.
 */
final class PairNode {
  static final String TUN = "tun0";

  /** Where the nodes are for one another. */
  static final List<String> LINKS = List.of("10.9.0.1", "10.9.0.2");

  private static final List<String> NAMES = List.of("node-a", "node-b");
  private static final List<String> HOMES = List.of("first", "second");
  private static final String SLICE = "20000-20999";
  private static final int LINK_PORT = 5701;

  /** The least: two new nodes wait so long before they use ports that may have been lent. */
  private static final int LOAN_MS = 2_000;

  private static final int QUARANTINE_MS = 1_000;
  private static final long START_SECONDS = 30;
  private static final long ANSWER_SECONDS = 10;
  private static final Pattern RESUMED =
      Pattern.compile("carries everything from .*, (\\d+) connections go on");

  private final int number;
  private final PairNetwork places;
  private final Path folder;
  private final Cleanup cleanup;
  private final Child service;
  private @Nullable Child gateway;
  private @Nullable Fish asking;

  private PairNode(int number, PairNetwork places, Path folder, Cleanup cleanup, Child service) {
    this.number = number;
    this.places = places;
    this.folder = folder;
    this.cleanup = cleanup;
    this.service = service;
  }

  /**
   * Starts the service; it does not serve yet.
   *
   * @param number 0 or 1
   */
  static PairNode start(int number, PairNetwork places, Path folder, Cleanup cleanup)
      throws IOException {
    String name = NAMES.get(number);
    Path config =
        Files.writeString(
            folder.resolve(name + ".yaml"),
            """
            runtimeDir: %s
            fish:
              egress: [{address: %s, ports: %s}]
              pair:
                name: %s
                home: %s
                secret: known to this demo only
                listen: "%s:%d"
                peers: ["%s:%d"]
                loanMs: %d
                quarantineMs: %d
            """
                .formatted(
                    folder.resolve(name),
                    PairNetwork.SHARED,
                    SLICE,
                    name,
                    HOMES.get(number),
                    LINKS.get(number),
                    LINK_PORT,
                    LINKS.get(1 - number),
                    LINK_PORT,
                    LOAN_MS,
                    QUARANTINE_MS));
    Child service =
        start(
            name,
            number,
            places,
            folder,
            cleanup,
            Self.command("run", "--config", config.toString()));
    return new PairNode(number, places, folder, cleanup, service);
  }

  private static Child start(
      String name,
      int number,
      PairNetwork places,
      Path folder,
      Cleanup cleanup,
      List<String> command) {
    return Child.start(
        name,
        places.network().inside(PairNetwork.edge(number), command),
        folder,
        ProcessBuilder.Redirect.DISCARD,
        cleanup);
  }

  String name() {
    return NAMES.get(number);
  }

  Child service() {
    return service;
  }

  Child gateway() {
    if (gateway == null) {
      throw new IllegalStateException(name() + " has no gateway yet");
    }
    return gateway;
  }

  private Path directory() {
    return folder.resolve(name());
  }

  /** Waits until the service serves, and connects to it. */
  void awaitServing(Vertx vertx) throws InterruptedException, TimeoutException {
    Path pidFile = directory().resolve("oxbow.pid");
    service.await(name(), START_SECONDS, () -> Files.exists(pidFile));
    asking =
        Fish.remote(vertx, directory().resolve("fish.sock"), "demo-watch")
            .await(ANSWER_SECONDS, TimeUnit.SECONDS);
  }

  /** What the service says of the pair. */
  JsonObject pair() {
    Fish fish = asking;
    if (fish == null) {
      throw new IllegalStateException(name() + " does not serve yet");
    }
    try {
      return fish.stats().await(ANSWER_SECONDS, TimeUnit.SECONDS).getJsonObject("pair");
    } catch (TimeoutException e) {
      throw new IllegalStateException(name() + " does not answer", e);
    }
  }

  /** How many connections of its partner's this node would go on with. */
  long kept() {
    return pair().getJsonObject("flows").getLong("kept");
  }

  /** Waits until this node has found its partner, and knows which ports it may use. */
  void awaitPartner() throws InterruptedException {
    service.await(
        "that " + name() + " finds its partner",
        START_SECONDS,
        () -> {
          JsonObject pair = pair();
          return Boolean.TRUE.equals(pair.getBoolean("connected"))
              && pair.getJsonObject("blocks").getLong("unknown") == 0;
        });
  }

  /** Starts a gateway of the session that both nodes know by the same name. */
  void startGateway() {
    List<String> arguments = new ArrayList<>(List.of("gateway", "--tun", TUN));
    arguments.addAll(
        List.of("--netns", Network.file(PairNetwork.inside(number)).toString(), "--egress-tcp"));
    arguments.addAll(List.of("--egress", PairNetwork.SHARED + ":" + SLICE));
    arguments.addAll(List.of("--resume", "clients"));
    arguments.addAll(List.of("--fish", directory().resolve("fish.sock").toString()));
    arguments.addAll(List.of("--runtime-dir", folder.resolve(name() + "-gateway").toString()));
    gateway =
        start(
            name() + "-gateway",
            number,
            places,
            folder,
            cleanup,
            Self.command(arguments.toArray(String[]::new)));
  }

  /** Waits until the gateway carries packets. */
  void awaitCarrying() throws InterruptedException {
    gateway().await("that the gateway of " + name() + " carries", START_SECONDS, this::carries);
  }

  /** Waits until the gateway has been told that the other node has the session. */
  void awaitWaiting() throws InterruptedException {
    gateway().await("that the gateway of " + name() + " waits", START_SECONDS, this::waits);
  }

  boolean carries() {
    return gateway().said("carries everything");
  }

  boolean waits() {
    return gateway().said("waits: the partner has a session of that name");
  }

  /** How many connections the session went on with; -1 while there is none. */
  int resumed() {
    Matcher line = RESUMED.matcher(gateway().text());
    return line.find() ? Integer.parseInt(line.group(1)) : -1;
  }

  /** Sends SIGKILL to all of this node. */
  void strike() {
    service.strike();
    gateway().strike();
  }

  /** Likewise, and waits for the ends. */
  void kill() throws InterruptedException {
    service.kill();
    gateway().kill();
  }

  /** Ends it in order; whether it did. */
  boolean stop() throws InterruptedException, TimeoutException {
    boolean stopped = gateway().stop();
    if (asking != null) {
      asking.close().await(ANSWER_SECONDS, TimeUnit.SECONDS);
    }
    return service.stop() && stopped;
  }
}
