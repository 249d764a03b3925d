package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.ChildJvm;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A Splicer that is an ordinary user with few descriptors, to whom the kernel sets limits that root
 * does not feel. Its clients are root.
 */
@DescriptorLeaks
@RequiresRoot
final class OrdinaryUserTest {
  private static final int UID = 23_005;
  private static final int DESCRIPTORS = 1024;

  // include/uapi/asm-generic/socket.h
  private static final int SO_SNDBUF = 7;
  private static final int SO_RCVBUF = 8;
  private static final int SOCKET_BYTES = 32 << 10;

  private static final int PIPE_BYTES = SplicerOptions.DEFAULT_PIPE_BYTES;
  private static final int PAGE_BYTES = 4096;

  /** It may read the class path, wherever that is, and nothing else that others may not. */
  private static final List<String> IDENTITY =
      List.of(
          "prlimit",
          "--nofile=" + DESCRIPTORS,
          "setpriv",
          "--reuid=" + UID,
          "--regid=" + UID,
          "--clear-groups",
          "--inh-caps=+dac_read_search",
          "--ambient-caps=+dac_read_search");

  private Path directory;
  private Process service;

  /** The service's process: serves until its standard input ends. */
  static final class Service {
    private Service() {}

    public static void main(String[] arguments) throws IOException {
      OxbowOptions options =
          new OxbowOptions(Path.of(arguments[0])).setSplicer(new SplicerOptions());
      options.getControl().setSocketMode(0666);
      options.getQuotas().setMailboxEvents(8);
      Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
      EpollVertx.await(vertx.deployVerticle(new SplicerVerticle(options)));
      System.out.println("ready");
      System.in.readAllBytes();
      EpollVertx.await(vertx.close());
    }
  }

  @BeforeEach
  void start() throws IOException {
    directory = Files.createTempDirectory("oxbow");
    Files.setAttribute(directory, "unix:uid", UID);
    service = ChildJvm.start(IDENTITY, Service.class, directory.toString());
    BufferedReader output =
        new BufferedReader(new InputStreamReader(service.getInputStream(), StandardCharsets.UTF_8));
    StringBuilder all = new StringBuilder();
    for (String line = output.readLine(); !"ready".equals(line); line = output.readLine()) {
      assertThat(line).as("the service has ended: %s", all).isNotNull();
      all.append(line).append('\n');
    }
  }

  @AfterEach
  void stop() throws Exception {
    service.getOutputStream().close();
    String output = new String(service.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(service.waitFor()).as(output).isZero();
    assertThat(output).doesNotContain("ETOOMANYREFS");
    Files.delete(directory);
  }

  private ControlPeer connect(String app) {
    return ControlPeer.connect(directory.resolve("splicer.sock")).hello(app, false);
  }

  private static void relayOnce(ControlPeer peer) {
    try (StreamPair one = StreamPair.unix();
        StreamPair two = StreamPair.unix()) {
      peer.send("{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]}", one.near(), two.near());
    }
  }

  @Test
  void clientsThatDoNotReadDelayNobodysEvents() {
    List<ControlPeer> deaf = new ArrayList<>();
    try (ControlPeer honest = connect("honest")) {
      int relays = 0;
      while (4 * relays < 5 * DESCRIPTORS) {
        ControlPeer peer = connect("deaf" + deaf.size());
        deaf.add(peer);
        for (int i = 0; i < 64; i++) {
          relayOnce(peer);
        }
        relays += 64;
        int all = relays;
        Await.until("they are over", () -> honest.stats().getInteger("finished") == all);
      }
      for (int i = 0; i < 100; i++) {
        relayOnce(honest);
        assertThat(honest.answer().getString("relay")).isNotNull();
        honest.event().close();
      }
      // And who reads late still gets what was sent, and what waited.
      ControlPeer late = deaf.get(deaf.size() - 1);
      int answers = 0;
      int events = 0;
      while (answers < 64 || events < 8) {
        try (ControlPeer.Incoming message = late.receive()) {
          answers += message.json().containsKey("ok") ? 1 : 0;
          events += message.json().containsKey("event") ? 1 : 0;
        }
      }
    } finally {
      deaf.forEach(ControlPeer::close);
    }
  }

  /** An ordinary user has room for 64 pipes of a MiB (fs.pipe-user-pages-soft, pipe(7)). */
  @Test
  void pipesBeyondTheUsersShareAreSmallAndLoseNothing() throws IOException {
    List<Wire> wires = new ArrayList<>();
    List<KnownStream> sent = new ArrayList<>();
    try (ControlPeer peer = connect("app")) {
      for (int i = 0; i < 90; i++) {
        Wire wire = Wire.tcp();
        wires.add(wire);
        for (int fd : List.of(wire.a().fd(), wire.b().fd(), wire.peerA().fd(), wire.peerB().fd())) {
          Sockets.setOption(fd, Sockets.SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
          Sockets.setOption(fd, Sockets.SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
        }
        peer.splice(wire.a(), wire.b());
        sent.add(fill(wire, i));
      }
      assertThat(peer.stats().getInteger("pipes")).isGreaterThanOrEqualTo(90);
      List<Integer> capacities = pipeCapacities(service.pid());
      assertThat(capacities).hasSizeGreaterThanOrEqualTo(90).contains(PIPE_BYTES);
      int most = (int) (pagesOfAUser() * PAGE_BYTES / PIPE_BYTES);
      assertThat(capacities)
          .filteredOn(bytes -> bytes >= PIPE_BYTES)
          .hasSizeLessThanOrEqualTo(most);
      // Two pages is what is left in the end: PIPE_MIN_DEF_BUFFERS of fs/pipe.c.
      assertThat(capacities).contains(2 * PAGE_BYTES);
      assertPreludeIsTaken(peer);
      for (int i = 0; i < wires.size(); i++) {
        KnownStream expected = new KnownStream(i);
        long all = sent.get(i).position();
        while (expected.position() < all) {
          expected.check(
              wires.get(i).peerB().read((int) Math.min(60_000, all - expected.position())));
        }
      }
    } finally {
      wires.forEach(Wire::close);
    }
  }

  /** All the room that relays may take is taken: a prelude still finds some, and is written. */
  private static void assertPreludeIsTaken(ControlPeer peer) throws IOException {
    int bytes = 40 << 10;
    String prelude = Base64.getEncoder().encodeToString(new KnownStream(bytes).next(bytes));
    try (Wire wire = Wire.tcp()) {
      peer.splice(",\"prelude\":{\"toB\":\"" + prelude + "\"}", wire.a(), wire.b());
      KnownStream expected = new KnownStream(bytes);
      while (expected.position() < bytes) {
        expected.check(wire.peerB().read((int) (bytes - expected.position())));
      }
    }
  }

  /** Sizes of the pipes that a process holds. */
  private static List<Integer> pipeCapacities(long pid) throws IOException {
    Map<String, Integer> capacities = new HashMap<>();
    try (DirectoryStream<Path> links = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
      for (Path link : links) {
        String target = Files.readSymbolicLink(link).toString();
        if (target.startsWith("pipe:")) {
          int flags = Syscalls.O_RDONLY | Syscalls.O_NONBLOCK | Syscalls.O_CLOEXEC;
          try (Descriptor pipe = Descriptor.adopt(Syscalls.open(link.toString(), flags, 0))) {
            capacities.put(target, Syscalls.fcntl(pipe.fd(), Syscalls.F_GETPIPE_SZ, 0));
          }
        }
      }
    }
    return List.copyOf(capacities.values());
  }

  private static long pagesOfAUser() throws IOException {
    try (InputStream in = Files.newInputStream(Path.of("/proc/sys/fs/pipe-user-pages-soft"))) {
      return Long.parseLong(new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip());
    }
  }

  /** Writes until sockets and pipe are full. */
  private static KnownStream fill(Wire wire, int seed) {
    KnownStream stream = new KnownStream(seed);
    do {
      int taken;
      do {
        taken = wire.peerA().tryWrite(stream.peek(50_000), 0);
        stream.skip(taken);
      } while (taken > 0);
    } while (Sockets.poll(wire.peerA().fd(), Sockets.POLLOUT, 30) != 0);
    return stream;
  }
}
