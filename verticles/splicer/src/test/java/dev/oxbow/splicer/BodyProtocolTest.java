package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Messages in memfds, in both directions. */
@DescriptorLeaks
final class BodyProtocolTest {
  private static final int MIB = 1 << 20;
  private static final List<String> SOCKETS = List.of("a", "b");

  private ServedSplicer splicer;
  private ControlPeer peer;

  @BeforeEach
  void connect() {
    splicer = ServedSplicer.start();
    peer = splicer.connect("test");
  }

  @AfterEach
  void close() {
    Await.until("all descriptors are closed", () -> peer.stats().getInteger("descriptors") == 0);
    peer.close();
    splicer.close();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void smallMessageMayComeInABody() {
    peer.sendInBody("{\"op\":\"hello\",\"id\":\"x\",\"app\":\"test\"}", List.of());
    assertThat(peer.answer().getString("id")).isEqualTo("x");
    try (Descriptor empty = Memfd.open("empty", 0)) {
      peer.sendBody(empty, List.of());
      assertThat(peer.refusal()).startsWith("bad-request: ");
    }
  }

  @Test
  void messageOfThreeMebibytesGoesAndComes() {
    byte[] toA = new byte[MIB];
    byte[] toB = new byte[MIB];
    Arrays.fill(toA, (byte) 'A');
    Arrays.fill(toB, (byte) 'B');
    String metadata = "\"" + "m".repeat(MIB - 2) + "\"";
    String request =
        "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"],\"metadata\":"
            + metadata
            + ",\"prelude\":{\"toA\":\""
            + Base64.getEncoder().encodeToString(toA)
            + "\",\"toB\":\""
            + Base64.getEncoder().encodeToString(toB)
            + "\"}}";
    try (StreamPair one = StreamPair.tcp4();
        StreamPair two = StreamPair.unix();
        TestPeer farOne = new TestPeer(one.far().duplicate());
        TestPeer farTwo = new TestPeer(two.far().duplicate())) {
      peer.sendInBody(request, SOCKETS, one.near(), two.near());
      assertThat(peer.answer().containsKey("relay")).isTrue();
      assertThat(farOne.read(MIB)).isEqualTo(toA);
      assertThat(farTwo.read(MIB)).isEqualTo(toB);
      peer.send("{\"op\":\"list\",\"id\":2}");
      try (ControlPeer.Incoming list = peer.receive()) {
        assertThat(list.inBody()).isTrue();
        JsonObject relay = list.json().getJsonArray("relays").getJsonObject(0);
        assertThat(relay.getString("metadata")).hasSize(MIB - 2);
      }
      farOne.halfClose();
      farTwo.halfClose();
      try (ControlPeer.Incoming event = peer.event()) {
        assertThat(event.inBody()).isTrue();
        assertThat(event.json().getString("metadata")).hasSize(MIB - 2);
        assertThat(event.json().getString("reason")).isEqualTo("eof");
        assertThat(event.json().getJsonObject("bytes").encode())
            .isEqualTo("{\"aToB\":0,\"bToA\":0}");
        assertThat(event.json().getJsonArray("fds").stream().toList()).isEqualTo(SOCKETS);
        assertThat(event.descriptors()).hasSize(2);
      }
    }
  }

  @Test
  void preludeAndMetadataAreBounded() {
    try (StreamPair one = StreamPair.unix();
        StreamPair two = StreamPair.unix()) {
      String prelude = Base64.getEncoder().encodeToString(new byte[MIB + 1]);
      String begin = "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]";
      for (String side : List.of("toA", "toB")) {
        peer.sendInBody(
            begin + ",\"prelude\":{\"" + side + "\":\"" + prelude + "\"}}",
            SOCKETS,
            one.near(),
            two.near());
        assertThat(peer.refusal()).startsWith("bad-request: prelude." + side);
      }
      String metadata = "\"" + "m".repeat(MIB - 1) + "\"";
      peer.sendInBody(begin + ",\"metadata\":" + metadata + "}", SOCKETS, one.near(), two.near());
      assertThat(peer.refusal()).startsWith("bad-request: metadata");
    }
  }

  @Test
  void bodyHasSixteenMebibytesAtMost() {
    String request = "{\"op\":\"stats\",\"id\":1,\"x\":\"\"}";
    String longest = request.replace("\"\"", "\"" + "x".repeat(16 * MIB - request.length()) + "\"");
    peer.sendInBody(longest, List.of());
    assertThat(peer.answer().getInteger("id")).isEqualTo(1);
    peer.sendInBody(longest + " ", List.of());
    assertThat(peer.refusal()).startsWith("bad-request: body");
    try (Descriptor sparse = Memfd.open("sparse", Integer.MAX_VALUE)) {
      peer.sendBody(sparse, List.of());
      assertThat(peer.refusal()).startsWith("bad-request: body");
    }
  }

  @Test
  void fileOnTmpfsIsReadLikeAMemfd() throws Exception {
    Path file = Files.createTempFile(Path.of("/dev/shm"), "oxbow", "body");
    try {
      Files.writeString(file, "{\"op\":\"stats\",\"id\":7}");
      try (Descriptor body =
          Descriptor.adopt(
              Syscalls.open(file.toString(), Syscalls.O_RDONLY | Syscalls.O_CLOEXEC, 0))) {
        peer.sendBody(body, List.of());
        assertThat(peer.answer().getInteger("id")).isEqualTo(7);
      }
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void bodyThatIsNoMemfdIsRefused() throws Exception {
    Pipe pipe = Pipe.open(0);
    String file = System.getProperty("java.home") + "/release";
    try (StreamPair socket = StreamPair.unix();
        Descriptor onDisk =
            Descriptor.adopt(Syscalls.open(file, Syscalls.O_RDONLY | Syscalls.O_CLOEXEC, 0))) {
      for (Descriptor body : List.of(pipe.readEnd(), pipe.writeEnd(), socket.near(), onDisk)) {
        peer.sendBody(body, List.of());
        assertThat(peer.refusal()).startsWith("bad-descriptors: body: neither a memfd");
      }
    } finally {
      pipe.close();
    }
  }

  @Test
  void bodyThatCannotBeReadIsRefused() {
    try (Descriptor memfd = Memfd.of("write-only", utf8("{\"op\":\"stats\",\"id\":1}"));
        Descriptor unsealed = memfd("{\"op\":\"stats\",\"id\":1}");
        Descriptor writeOnly =
            Descriptor.adopt(
                Syscalls.open("/proc/self/fd/" + unsealed.fd(), 1 | Syscalls.O_CLOEXEC, 0))) {
      peer.sendBody(writeOnly, List.of());
      assertThat(peer.refusal()).startsWith("bad-descriptors: body: ");
      peer.sendBody(memfd, List.of());
      assertThat(peer.answer().getBoolean("ok")).isTrue();
    }
  }

  @Test
  void namesOfBodyAndPacketMustAgree() {
    try (StreamPair one = StreamPair.unix();
        StreamPair two = StreamPair.unix()) {
      String begin = "{\"op\":\"splice\",\"id\":7";
      for (String names :
          List.of(
              "",
              ",\"fds\":[\"b\",\"a\"]",
              ",\"fds\":[\"a\"]",
              ",\"fds\":[\"body\",\"a\",\"b\"]",
              ",\"fds\":[\"a\",\"b\",\"c\"]")) {
        peer.sendInBody(begin + names + "}", SOCKETS, one.near(), two.near());
        assertThat(peer.refusal()).startsWith("bad-descriptors: ");
      }
      peer.sendInBody(begin + ",\"fds\":3}", SOCKETS, one.near(), two.near());
      assertThat(peer.refusal()).startsWith("bad-request: fds");
    }
  }

  @Test
  void bodyMustComeFirstAndOnce() {
    try (Descriptor body = Memfd.of("body", utf8("{\"op\":\"stats\",\"id\":1}"))) {
      peer.send("{\"fds\":[\"body\"]}");
      assertThat(peer.refusal()).startsWith("bad-descriptors: body: missing");
      peer.send("{\"fds\":[\"body\",\"body\"]}", body, body);
      assertThat(peer.refusal()).startsWith("bad-descriptors: body: ");
      peer.send("{\"op\":\"stats\",\"id\":1,\"fds\":[\"a\",\"body\"]}", body, body);
      assertThat(peer.refusal()).startsWith("bad-descriptors: ");
      peer.send("{\"fds\":[\"body\"]}", body, body);
      assertThat(peer.refusal()).startsWith("bad-descriptors: ");
    }
  }

  @Test
  void errorInABodyIsAnErrorLikeAnyOther() {
    for (String inner : List.of("{", "[]", "{\"op\":\"stats\"}", "{\"id\":1}")) {
      peer.sendInBody(inner, List.of());
      assertThat(peer.refusal()).startsWith("bad-request: ");
    }
    peer.sendInBody("{\"op\":\"nonsense\",\"id\":1}", List.of());
    assertThat(peer.refusal()).startsWith("unknown-op: ");
    try (Descriptor body = Memfd.of("body", new byte[] {'{', (byte) 0xc0, '}'})) {
      peer.sendBody(body, List.of());
      assertThat(peer.refusal()).startsWith("bad-request: message");
    }
  }

  @Test
  void offsetOfTheMemfdMeansNothing() {
    // Just written, so it stands at its end.
    try (Descriptor memfd = memfd("{\"op\":\"stats\",\"id\":1}")) {
      peer.sendBody(memfd, List.of());
      assertThat(peer.answer().getBoolean("ok")).isTrue();
    }
  }

  @Test
  void memfdThatChangesWhileItIsReadHarmsNobody() throws Exception {
    byte[] message = utf8("{\"op\":\"stats\",\"id\":1,\"x\":\"" + "x".repeat(4 * MIB) + "\"}");
    AtomicBoolean done = new AtomicBoolean();
    try (Descriptor memfd = memfd(new String(message, StandardCharsets.UTF_8))) {
      Thread vandal =
          new Thread(
              () -> {
                for (int i = 0; !done.get(); i++) {
                  Syscalls.ftruncate(memfd.fd(), i % 3 == 0 ? 0 : i % 3 * 4L * MIB);
                }
              });
      vandal.start();
      try {
        for (int i = 0; i < 30; i++) {
          peer.sendBody(memfd, List.of());
          try (ControlPeer.Incoming answer = peer.receive()) {
            assertThat(answer.error()).isIn("bad-request", "no error");
          }
        }
      } finally {
        done.set(true);
        vandal.join();
      }
    }
    peer.sendInBody("{\"op\":\"stats\",\"id\":1}", List.of());
    assertThat(peer.answer().getBoolean("ok")).isTrue();
  }

  @Test
  void listIsCutIntoPagesBelowTheLongestMessage() {
    int relays = 20;
    String metadata = ",\"metadata\":\"" + "m".repeat(MIB - 2) + "\"}";
    try (Sockets sockets = new Sockets(relays)) {
      for (StreamPair[] pairs : sockets.pairs) {
        peer.sendInBody(
            "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]" + metadata,
            SOCKETS,
            pairs[0].near(),
            pairs[1].near());
        assertThat(peer.answer().containsKey("relay")).isTrue();
      }
      int seen = 0;
      int pages = 0;
      String after = "";
      while (after != null) {
        peer.send("{\"op\":\"list\",\"id\":1" + after + "}");
        try (ControlPeer.Incoming page = peer.receive()) {
          seen += page.json().getJsonArray("relays").size();
          String next = page.json().getString("next");
          after = next == null ? null : ",\"after\":\"" + next + "\"";
          pages++;
        }
      }
      assertThat(seen).isEqualTo(relays);
      assertThat(pages).isGreaterThan(1);
    }
    for (int i = 0; i < relays; i++) {
      peer.event().close();
    }
  }

  /** Pairs whose far ends close together, which ends their relays. */
  private static final class Sockets implements AutoCloseable {
    final StreamPair[][] pairs;

    Sockets(int count) {
      pairs = new StreamPair[count][];
      for (int i = 0; i < count; i++) {
        pairs[i] = new StreamPair[] {StreamPair.unix(), StreamPair.unix()};
      }
    }

    @Override
    public void close() {
      for (StreamPair[] both : pairs) {
        both[0].close();
        both[1].close();
      }
    }
  }

  private static Descriptor memfd(String text) {
    byte[] bytes = utf8(text);
    int flags = Syscalls.MFD_CLOEXEC | Syscalls.MFD_ALLOW_SEALING;
    Descriptor memfd = Descriptor.adopt(Syscalls.memfdCreate("test", flags));
    NativeMemory memory = NativeMemory.allocate(bytes.length);
    memory.putBytes(0, bytes, 0, bytes.length);
    if (Syscalls.write(memfd.fd(), memory.address(), bytes.length) != bytes.length) {
      throw new AssertionError("short write");
    }
    return memfd;
  }
}
