package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A service that has no descriptor number left, in a process of its own with few of them. */
@DescriptorLeaks
final class ExhaustionHostileTest {
  private static final int LIMIT = 400;
  private static final String SPLICE = "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]}";

  private Process service;
  private Path socket;
  private final List<StreamPair> pairs = new ArrayList<>();

  /** The service's process: serves in a directory until its standard input ends. */
  static final class Main {
    public static void main(String[] arguments) throws IOException {
      OxbowOptions options =
          new OxbowOptions(Path.of(arguments[0]))
              .setSplicer(new SplicerOptions().setIdlePipes(0).setLoops(1));
      EpollVertx loop = EpollVertx.open();
      EpollVertx.await(loop.vertx().deployVerticle(new SplicerVerticle(options)));
      System.out.println("serves");
      System.in.transferTo(OutputStream.nullOutputStream());
      System.exit(0);
    }
  }

  @BeforeEach
  void start(@TempDir Path directory) throws IOException {
    socket = directory.resolve("splicer.sock");
    String classPath = System.getProperty("java.class.path");
    List<String> command =
        List.of(
            "prlimit",
            "--nofile=" + LIMIT + ":" + LIMIT,
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("surefire.test.class.path", classPath),
            Main.class.getName(),
            directory.toString());
    service = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(service.getInputStream(), StandardCharsets.UTF_8));
    assertThat(out.lines().anyMatch("serves"::equals)).isTrue();
  }

  @AfterEach
  void stop() throws Exception {
    pairs.forEach(StreamPair::close);
    service.getOutputStream().close();
    assertThat(service.waitFor()).isZero();
    service.getInputStream().close();
    service.getErrorStream().close();
  }

  private StreamPair pair() {
    pairs.add(StreamPair.tcp4());
    return pairs.get(pairs.size() - 1);
  }

  /** Starts relays until no more fit: how it was refused. */
  private String fill(ControlPeer peer) {
    while (true) {
      peer.send(SPLICE, pair().near(), pair().near());
      try (ControlPeer.Incoming answer = peer.receive()) {
        if (!answer.error().equals("no error")) {
          return answer.error() + ": " + answer.why();
        }
      }
      assertThat(pairs.size()).isLessThan(2 * LIMIT);
    }
  }

  @Test
  void saysQuotaExceededAndGoesOn() {
    try (ControlPeer peer = ControlPeer.connect(socket).hello("app", false)) {
      assertThat(peer.stats().getInteger("descriptorLimit")).isEqualTo(LIMIT);
      StreamPair one = pair();
      StreamPair two = pair();
      peer.splice(one.near(), two.near());
      assertThat(fill(peer)).startsWith("quota-exceeded: ");
      // More than there are numbers, so that the kernel cannot install them all.
      for (int i = 0; i < 5; i++) {
        assertThat(
                peer.refused(
                    "{\"op\":\"stats\",\"id\":1}",
                    Collections.nCopies(253, one.far()).toArray(Descriptor[]::new)))
            .startsWith("quota-exceeded: ");
      }
      List<ControlPeer> peers = connectUntilRefused();
      assertThat(peers.size()).isLessThan(10);
      assertTraffic(one, two);
      assertThat(peer.ask("{\"op\":\"list\",\"id\":1}").getJsonArray("relays").size())
          .isGreaterThan(20);
      peers.forEach(ControlPeer::close);
      assertRecovers(peer);
    }
  }

  /** Both small messages and bulk, which is refused a pipe. */
  private static void assertTraffic(StreamPair one, StreamPair two) {
    try (TestPeer ping = new TestPeer(one.far().duplicate());
        TestPeer pong = new TestPeer(two.far().duplicate())) {
      byte[] chunk = new byte[100_000];
      for (int i = 0; i < 50; i++) {
        ping.write(chunk);
        assertThat(pong.read(chunk.length)).hasSize(chunk.length);
        pong.write(new byte[1]);
        ping.read(1);
      }
    }
  }

  private void assertRecovers(ControlPeer peer) {
    int relays = peer.stats().getInteger("relays");
    pairs.forEach(pair -> pair.far().close());
    for (int i = 0; i < relays; i++) {
      peer.event().close();
    }
    Await.until("all is closed", () -> peer.stats().getInteger("descriptors") == 0);
    StreamPair one = pair();
    StreamPair two = pair();
    peer.splice(one.near(), two.near());
    assertTraffic(one, two);
    try (ControlPeer next = ControlPeer.connect(socket).hello("next", false)) {
      assertThat(next.stats().getInteger("connections")).isEqualTo(2);
    }
    one.far().close();
    two.far().close();
    peer.event().close();
  }

  @Test
  void connectionsBeyondTheLimitAreToldSo() {
    try (ControlPeer first = ControlPeer.connect(socket).hello("app", false)) {
      List<ControlPeer> peers = connectUntilRefused();
      JsonObject stats = first.stats();
      assertThat(stats.getInteger("connections")).isGreaterThan(100);
      peers.forEach(ControlPeer::close);
      Await.until("all have gone", () -> first.stats().getInteger("connections") == 1);
      ControlPeer.connect(socket).hello("app", false).close();
    }
  }

  /** Those that were let in; the one after them was told why not. */
  private List<ControlPeer> connectUntilRefused() {
    List<ControlPeer> peers = new ArrayList<>();
    while (true) {
      ControlPeer peer = ControlPeer.connect(socket);
      try {
        peer.send("{\"op\":\"stats\",\"id\":1}");
      } catch (LinuxException e) {
        assertThat(e.errno()).isEqualTo(Errno.EPIPE);
      }
      try (ControlPeer.Incoming answer = peer.receive()) {
        if (!answer.error().equals("no error")) {
          assertThat(answer.error()).isEqualTo("quota-exceeded");
          peer.awaitEnd();
          peer.close();
          return peers;
        }
      }
      peers.add(peer);
    }
  }
}
