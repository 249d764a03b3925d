package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A forwarder that is replaced while clients connect: nobody notices, and each is logged once. */
@DescriptorLeaks
class ForwardUpgradeTest {
  private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
  private static final int PER_SECOND = 1000;

  /** What the clients, on the same processors, must have done of it. */
  private static final int LEAST_PER_SECOND = 900;

  /** A SYN that the kernel drops is sent again after a second (RFC 6298). */
  private static final long DROPPED_MS = 1000;

  private static final int UPGRADES = 3;
  private static final int DOWNLOADS = 10;
  private static final int DOWNLOAD_SECONDS = 10;

  @TempDir Path folder;
  private Path jar;
  private int port;
  private NewConnections connections;

  @BeforeEach
  void prepare() throws Exception {
    jar = Files.copy(OxbowProcess.builtJar(), folder.resolve("oxbow.jar"));
    try (ServerSocket free = new ServerSocket(0, 1, LOOPBACK)) {
      port = free.getLocalPort();
    }
    connections = new NewConnections(PER_SECOND);
  }

  @AfterEach
  void end() throws Exception {
    connections.close();
  }

  private OxbowProcess forwarder(
      String target, List<String> prefix, Map<String, String> environment, String... more)
      throws IOException {
    List<String> arguments = new ArrayList<>(List.of("--listen", "127.0.0.1:" + port));
    arguments.addAll(List.of("--to", target));
    arguments.addAll(List.of(more));
    return OxbowProcess.forward(folder, "f", jar, prefix, arguments, environment).awaitServing();
  }

  private void startLoad() {
    for (int i = 0; i < DOWNLOADS; i++) {
      connections.download(port, DOWNLOAD_SECONDS);
    }
    connections.start(port);
    Await.until("the first are served", () -> connections.served() > PER_SECOND / 10);
  }

  /** Some more connections, by whoever serves now. */
  private void awaitMore() {
    long now = connections.served();
    Await.until("more are served", () -> connections.served() > now + PER_SECOND / 2);
  }

  /** Everybody was served, and has one line that tells the truth. */
  private void requireOneLineEach(OxbowProcess forwarder) throws IOException {
    long all = connections.finish();
    assertThat(connections.trouble()).isEmpty();
    Await.until("all are logged", () -> lines(forwarder) >= all);
    List<Message> lines = forwarder.accessLog();
    Set<String> relays = new TreeSet<>();
    List<String> clients = new ArrayList<>();
    for (Message line : lines) {
      relays.add(line.string("relay"));
      assertThat(line.string("reason")).isEqualTo("eof");
      assertThat(line.string("listen")).isEqualTo("127.0.0.1:" + port);
      assertThat(line.integer("connectMs", 0, Long.MAX_VALUE)).isNotNegative();
      if (line.integer("bytesToClient", 0, Long.MAX_VALUE) == 8) {
        clients.add(line.string("client"));
      }
    }
    assertThat(lines).hasSize((int) all);
    assertThat(relays).hasSize((int) all);
    assertThat(clients).containsExactlyInAnyOrderElementsOf(connections.addresses());
  }

  /** They came as fast as they should, and none had to knock twice. */
  private void requireRate() {
    assertThat(connections.rate()).as("a second").isGreaterThan(LEAST_PER_SECOND);
    assertThat(connections.longestConnectMs()).isLessThan(DROPPED_MS);
  }

  private static long lines(OxbowProcess forwarder) {
    try (Stream<String> lines = Files.lines(forwarder.accessFile())) {
      return lines.count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void nobodyIsRefusedAndEachIsLoggedOnceWhileAForwarderIsReplaced() throws Exception {
    try (OxbowProcess forwarder = forwarder(connections.target(), List.of(), Map.of())) {
      startLoad();
      for (int i = 0; i < UPGRADES; i++) {
        forwarder.upgrade();
        assertThat(forwarder.report()).contains("\"outcome\":\"committed\"");
        awaitMore();
      }
      requireOneLineEach(forwarder);
      requireRate();
      assertThat(acceptingProcesses(forwarder)).isGreaterThan(UPGRADES);
      forwarder.stopServing();
      assertThat(forwarder.runtimeDir().resolve("handoff.sock")).doesNotExist();
    }
  }

  private static long acceptingProcesses(OxbowProcess forwarder) throws IOException {
    return forwarder.accessLog().stream()
        .map(line -> line.integer("acceptedBy", 1, Long.MAX_VALUE))
        .distinct()
        .count();
  }

  @Test
  void forwarderAndSplicerAreReplacedAtOnce() throws Exception {
    try (OxbowProcess splicer =
            OxbowProcess.start(folder, "s", jar, List.of(), Map.of()).awaitServing();
        OxbowProcess forwarder =
            forwarder(
                connections.target(),
                List.of(),
                Map.of(),
                "--splicer",
                splicer.runtimeDir().resolve("splicer.sock").toString())) {
      startLoad();
      for (int i = 0; i < UPGRADES; i++) {
        ProcessHandle first = splicer.serving();
        ProcessHandle second = forwarder.serving();
        splicer.hangUp();
        forwarder.hangUp();
        splicer.awaitSuccessorOf(first);
        forwarder.awaitSuccessorOf(second);
        awaitMore();
      }
      requireOneLineEach(forwarder);
      requireRate();
      forwarder.stopServing();
      splicer.stopServing();
    }
  }

  @Test
  void forwarderGoesOnWhenItsSuccessorsFail() throws Exception {
    Map<String, String> faults = Map.of("OXBOW_FAULT", "successor:commit:0:die");
    try (OxbowProcess forwarder = forwarder(connections.target(), List.of(), faults)) {
      ProcessHandle first = forwarder.serving();
      startLoad();
      failUpgrade(forwarder);
      assertThat(forwarder.report()).contains("\"reason\":\"commit: the successor ");
      Files.writeString(jar, "not a jar");
      failUpgrade(forwarder);
      assertThat(forwarder.report()).contains("ended with status 1");
      requireOneLineEach(forwarder);
      assertThat(forwarder.serving()).isEqualTo(first);
      assertThat(acceptingProcesses(forwarder)).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "predecessor:switch:17:die, committed",
    "predecessor:commit:0:hang, committed",
    "successor:switch:17:hang, rolled-back"
  })
  void oneForwarderGoesOnWhenTheOtherDiesOrHangsAfterTheCopy(String fault, String outcome)
      throws Exception {
    Map<String, String> faults = Map.of("OXBOW_FAULT", fault);
    try (OxbowProcess forwarder = forwarder(connections.target(), List.of(), faults)) {
      ProcessHandle first = forwarder.serving();
      connections.start(port);
      Await.until("the first are served", () -> connections.served() > PER_SECOND / 10);
      forwarder.hangUp();
      Path report = forwarder.runtimeDir().resolve("handoff.json");
      Await.until("the upgrade is over", () -> Files.exists(report));
      assertThat(forwarder.report())
          .contains("\"outcome\":\"" + outcome + "\"")
          .containsPattern("\"reason\":\"[^\"]*(the predecessor was lost|the successor )");
      awaitMore();
      requireOneLineEach(forwarder);
      assertThat(forwarder.serving().equals(first)).isEqualTo(outcome.equals("rolled-back"));
      assertThat(acceptingProcesses(forwarder)).isEqualTo(outcome.equals("committed") ? 2 : 1);
    }
  }

  private void failUpgrade(OxbowProcess forwarder) throws Exception {
    Path report = forwarder.runtimeDir().resolve("handoff.json");
    Files.deleteIfExists(report);
    forwarder.hangUp();
    Await.until("the upgrade is over", () -> Files.exists(report));
    assertThat(forwarder.report()).contains("\"outcome\":\"rolled-back\"");
    awaitMore();
  }

  @Test
  void connectionAttemptToASilentTargetGoesOnInTheNextProcess() throws Exception {
    List<Socket> fill = new ArrayList<>();
    try (ServerSocket target = new ServerSocket(0, 1, LOOPBACK);
        OxbowProcess forwarder =
            forwarder(
                "127.0.0.1:" + target.getLocalPort(),
                List.of(),
                Map.of(),
                "--connect-timeout",
                "60s");
        Socket client = new Socket()) {
      // A full queue: the kernel drops what a connecting peer says.
      for (int i = 0; i < 2; i++) {
        fill.add(new Socket(LOOPBACK, target.getLocalPort()));
      }
      client.setSoTimeout(30_000);
      client.connect(new InetSocketAddress(LOOPBACK, port));
      client.getOutputStream().write("hello".getBytes(StandardCharsets.US_ASCII));
      Await.until("it connects", () -> connecting(target.getLocalPort()));
      forwarder.upgrade();
      assertThat(forwarder.report()).contains("\"connecting\":1");
      for (Socket filling : fill) {
        target.accept().close();
        filling.close();
      }
      try (Socket server = target.accept()) {
        assertThat(server.getInputStream().readNBytes(5))
            .isEqualTo("hello".getBytes(StandardCharsets.US_ASCII));
        server.getOutputStream().write(7);
      }
      assertThat(client.getInputStream().read()).isEqualTo(7);
      client.shutdownOutput();
      Await.until("it is logged", () -> lines(forwarder) == 1);
      Message line = forwarder.accessLog().get(0);
      assertThat(line.integer("bytesToTarget", 0, 9)).isEqualTo(5);
      assertThat(line.integer("connectMs", 0, 60_000)).isGreaterThan(500);
    }
  }

  /** Whether a connection to a port is in SYN_SENT, proc(5). */
  private static boolean connecting(int target) {
    try {
      String suffix = String.format(java.util.Locale.ROOT, ":%04X", target);
      return Files.readAllLines(Path.of("/proc/net/tcp")).stream()
          .map(line -> line.strip().split("\\s+", -1))
          .anyMatch(fields -> fields[2].endsWith(suffix) && fields[3].equals("02"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void listenerOfTheServiceManagerSurvives() throws Exception {
    List<String> activating = ServiceManagerTest.activating("web", "tcp=" + port);
    try (OxbowProcess forwarder = forwarder(connections.target(), activating, Map.of())) {
      connections.start(port);
      forwarder.upgrade();
      awaitMore();
      forwarder.upgrade();
      awaitMore();
      requireOneLineEach(forwarder);
    }
  }
}
