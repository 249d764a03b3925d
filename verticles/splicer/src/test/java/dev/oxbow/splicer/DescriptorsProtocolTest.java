package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.LibC;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.OpenDescriptors;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of descriptors against what is attached; what becomes of refused ones. */
@DescriptorLeaks
final class DescriptorsProtocolTest {
  private ServedSplicer splicer;
  private ControlPeer peer;
  private StreamPair one;
  private StreamPair two;

  @BeforeEach
  void connect() {
    splicer = ServedSplicer.start();
    peer = splicer.connect("test");
    one = StreamPair.tcp4();
    two = StreamPair.unix();
  }

  @AfterEach
  void close() {
    // Whatever was refused must have left nothing in the service.
    Await.until("all descriptors are closed", () -> peer.stats().getInteger("descriptors") == 0);
    peer.close();
    one.close();
    two.close();
    splicer.close();
  }

  private static String splice(String names) {
    return "{\"op\":\"splice\",\"id\":1,\"fds\":" + names + "}";
  }

  private void assertSocketsWork() {
    assertWorks(one);
    assertWorks(two);
  }

  private static void assertWorks(StreamPair pair) {
    try (TestPeer near = new TestPeer(pair.near().duplicate());
        TestPeer far = new TestPeer(pair.far().duplicate())) {
      near.write(new byte[] {1, 2});
      far.write(new byte[] {3});
      assertThat(far.read(2)).containsExactly(1, 2);
      assertThat(near.read(1)).containsExactly(3);
    }
  }

  /** One leaked number in a thousand would be seen: each relay is refused first, in turn. */
  @Test
  void thousandsOfRefusedAndAcceptedRelaysLeaveNoDescriptor() {
    List<String> wrong =
        List.of(
            splice("[\"a\",\"a\"]"),
            splice("[\"a\",\"b\"]").replace("}", ",\"maxBytes\":-1}"),
            splice("[\"a\",\"b\"]").replace("splice", "slice"));
    int before = 0;
    for (int i = 0; i < 3000; i++) {
      if (i == 100) {
        before = OpenDescriptors.now().count();
      }
      try (StreamPair left = StreamPair.unix();
          StreamPair right = StreamPair.unix()) {
        assertThat(peer.refused(wrong.get(i % wrong.size()), left.near(), right.near()))
            .isNotEmpty();
        peer.splice(left.near(), right.near());
      }
      peer.event().close();
    }
    int settled = before;
    Await.until("all are closed", () -> OpenDescriptors.now().count() <= settled);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[\"a\"] | fds",
        "[] | fds",
        "null | fds",
        "[\"a\",\"b\",\"c\"] | c",
        "[\"a\",\"a\"] | a",
        "[\"a\",\"c\"] | b",
        "[\"x\",\"y\"] | a",
        "[\"A\",\"B\"] | a",
        "[\"\",\"a\"] | b",
      })
  void wrongNamesAreRefusedAndNamed(String names, String wrong) {
    assertThat(peer.refused(splice(names), one.near(), two.near()))
        .startsWith("bad-descriptors: " + wrong + ": ");
    assertSocketsWork();
  }

  @Test
  void missingDescriptorsAreNamed() {
    assertThat(peer.refused(splice("[\"a\",\"b\"]"))).startsWith("bad-descriptors: a: missing");
    assertThat(peer.refused(splice("[\"a\",\"b\"]"), one.near()))
        .startsWith("bad-descriptors: b: missing");
    assertThat(peer.refused(splice("[]"))).startsWith("bad-descriptors: a: missing");
    assertThat(peer.refused("{\"op\":\"splice\",\"id\":1}"))
        .startsWith("bad-descriptors: a: missing");
  }

  @Test
  void surplusDescriptorIsNamed() {
    assertThat(peer.refused(splice("[\"a\",\"b\",\"c\"]"), one.near(), two.near(), one.far()))
        .startsWith("bad-descriptors: c: ");
    assertSocketsWork();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "stats",
        "list",
        "hello\",\"app\":\"test",
        "abort\",\"relay\":\"x",
        "ack\",\"seq\":\"1"
      })
  void opsWithoutDescriptorsTakeNone(String op) {
    assertThat(peer.refused("{\"id\":1,\"fds\":[\"z\"],\"op\":\"" + op + "\"}", one.near()))
        .startsWith("bad-descriptors: z: ");
    assertSocketsWork();
  }

  @Test
  void unknownOpClosesItsDescriptors() {
    assertThat(peer.refused("{\"id\":1,\"fds\":[\"z\"],\"op\":\"what\"}", one.near()))
        .startsWith("unknown-op: ");
    assertSocketsWork();
  }

  @Test
  void whatIsNoMessageClosesItsDescriptors() {
    assertThat(peer.refused("{\"fds\":[\"a\"", one.near())).startsWith("bad-request: ");
    assertThat(peer.refused("", one.near(), two.near())).startsWith("bad-request: ");
    assertThat(peer.refused("{\"fds\":[\"a\"],\"op\":\"stats\"}", one.near()))
        .startsWith("bad-request: id");
    assertSocketsWork();
  }

  @Test
  void emptyPacketIsRefusedAndNoEnd() {
    peer.send("");
    peer.send("");
    assertThat(peer.refusal()).startsWith("bad-request: ");
    assertThat(peer.refusal()).startsWith("bad-request: ");
    assertThat(peer.stats()).isNotNull();
  }

  @Test
  void namesMayComeInAnyOrder() {
    peer.send(
        "{\"op\":\"splice\",\"id\":1,\"fds\":[\"b\",\"a\"],\"prelude\":{\"toA\":\"QQ==\"}}",
        two.near(),
        one.near());
    assertThat(peer.answer().getBoolean("ok")).isTrue();
    // one.near was named a although it came second.
    try (TestPeer far = new TestPeer(one.far().duplicate())) {
      assertThat(far.read(1)).containsExactly('A');
    }
    one.far().close();
    two.far().close();
    try (ControlPeer.Incoming event = peer.event()) {
      assertThat(event.json().getJsonObject("tcpInfo").getValue("a")).isNotNull();
      assertThat(event.json().getJsonObject("tcpInfo").getValue("b")).isNull();
    }
  }

  @Test
  void mostDescriptorsThatAMessageCanCarryAreRefusedAndClosed() {
    List<String> names =
        java.util.stream.IntStream.range(0, 253).mapToObj(i -> "\"d" + i + "\"").toList();
    Descriptor[] all = Collections.nCopies(253, one.near()).toArray(Descriptor[]::new);
    assertThat(peer.refused(splice(names.toString()), all))
        .startsWith("bad-descriptors: a: missing");
    assertThat(peer.refused("{\"op\":\"stats\",\"id\":1}", all)).startsWith("bad-descriptors: fds");
    assertSocketsWork();
  }

  @Test
  void refusedSocketKeepsItsFlagsAndOptions() {
    int before = Syscalls.fcntl(one.near().fd(), Syscalls.F_GETFL, 0) & ~Syscalls.O_NONBLOCK;
    Syscalls.fcntl(one.near().fd(), Syscalls.F_SETFL, before);
    try (Descriptor memfd = Memfd.open("no-socket", 1)) {
      assertThat(peer.refused(splice("[\"a\",\"b\"]"), one.near(), memfd))
          .startsWith("bad-descriptors: b: not a socket");
    }
    assertThat(peer.refused(splice("[\"a\",\"b\"],\"maxBytes\":-1"), one.near(), two.near()))
        .startsWith("bad-request: maxBytes");
    assertThat(Syscalls.fcntl(one.near().fd(), Syscalls.F_GETFL, 0)).isEqualTo(before);
    assertSocketsWork();
  }

  @Test
  void sameSocketTwiceIsRefused() {
    assertThat(peer.refused(splice("[\"a\",\"b\"]"), one.near(), one.near()))
        .startsWith("bad-descriptors: b: the same socket");
    try (Descriptor copy = one.near().duplicate()) {
      assertThat(peer.refused(splice("[\"a\",\"b\"]"), one.near(), copy))
          .startsWith("bad-descriptors: b: the same socket");
    }
    assertSocketsWork();
  }

  @Test
  void socketInARelayIsRefusedUntilItIsBack() {
    try (StreamPair three = StreamPair.unix()) {
      String relay = peer.splice(one.near(), two.near());
      try (ControlPeer other = splicer.connect("other")) {
        assertThat(other.refused(splice("[\"a\",\"b\"]"), three.near(), one.near()))
            .startsWith("bad-descriptors: b: already in a relay");
        assertThat(other.refused(splice("[\"a\",\"b\"]"), two.near(), three.near()))
            .startsWith("bad-descriptors: a: already in a relay");
      }
      assertThat(
              peer.ask("{\"op\":\"abort\",\"id\":2,\"relay\":\"" + relay + "\"}").getBoolean("ok"))
          .isTrue();
      peer.event().close();
      peer.ask(
          "{\"op\":\"abort\",\"id\":2,\"relay\":\"" + peer.splice(two.near(), one.near()) + "\"}");
      peer.event().close();
    }
  }

  @Test
  void controlConnectionsAreRefused() {
    try (ControlPeer other = splicer.connect()) {
      assertThat(peer.refused(splice("[\"a\",\"b\"]"), one.near(), other.socket()))
          .startsWith("bad-descriptors: b: not a stream socket");
      assertThat(peer.refused(splice("[\"a\",\"b\"]"), peer.socket(), one.near()))
          .startsWith("bad-descriptors: a: not a stream socket");
    }
  }

  /** Where the kernel was built without CONFIG_TLS, no socket can be one. */
  @Test
  void kernelTlsIsRefused() throws Exception {
    try (StreamPair tls = StreamPair.tcp4();
        StreamPair other = StreamPair.tcp4()) {
      NativeMemory name = NativeMemory.allocate(3);
      name.putBytes(0, "tls".getBytes(StandardCharsets.US_ASCII), 0, 3);
      int set =
          LibC.INSTANCE.setsockopt(
              tls.near().fd(), Sockets.IPPROTO_TCP, Sockets.TCP_ULP, name.address(), 3);
      String available = Files.readString(Path.of("/proc/sys/net/ipv4/tcp_available_ulp"));
      assertThat(List.of(available.strip().split(" ")).contains("tls")).isEqualTo(set == 0);
      if (set == 0) {
        assertThat(peer.refused(splice("[\"a\",\"b\"]"), tls.near(), other.near()))
            .startsWith("bad-descriptors: a: has the upper-layer protocol tls");
        assertThat(peer.refused(splice("[\"a\",\"b\"]"), other.near(), tls.near()))
            .startsWith("bad-descriptors: b: has the upper-layer protocol tls");
      }
    }
  }
}
