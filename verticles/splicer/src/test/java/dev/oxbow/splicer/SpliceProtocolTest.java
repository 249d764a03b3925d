package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The ops of the Splicer and its event, member by member. */
@DescriptorLeaks
final class SpliceProtocolTest {
  private ServedSplicer splicer;
  private ControlPeer peer;
  private StreamPair one;
  private StreamPair two;
  private TestPeer farOne;
  private TestPeer farTwo;

  @BeforeEach
  void connect() {
    splicer = ServedSplicer.start();
    peer = splicer.connect("test");
    one = StreamPair.tcp4();
    two = StreamPair.tcp6();
    farOne = new TestPeer(one.far());
    farTwo = new TestPeer(two.far());
  }

  @AfterEach
  void close() {
    peer.close();
    one.close();
    two.close();
    splicer.close();
  }

  private String refused(String members) {
    return peer.refused(
        "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]," + members + "}",
        one.near(),
        two.near());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"idleTimeoutMs\":-1 | idleTimeoutMs",
        "\"idleTimeoutMs\":1.5 | idleTimeoutMs",
        "\"idleTimeoutMs\":\"1\" | idleTimeoutMs",
        "\"idleTimeoutMs\":9223372036854775808 | idleTimeoutMs",
        "\"halfCloseTimeoutMs\":-1 | halfCloseTimeoutMs",
        "\"halfCloseTimeoutMs\":1e3 | halfCloseTimeoutMs",
        "\"halfCloseTimeoutMs\":true | halfCloseTimeoutMs",
        "\"maxDurationMs\":-9223372036854775809 | maxDurationMs",
        "\"maxDurationMs\":[] | maxDurationMs",
        "\"maxBytes\":-1 | maxBytes",
        "\"maxBytes\":0.0 | maxBytes",
        "\"maxBytes\":{} | maxBytes",
        "\"prelude\":\"QQ==\" | prelude",
        "\"prelude\":[] | prelude",
        "\"prelude\":{\"toA\":1} | prelude.toA:",
        "\"prelude\":{\"toB\":[]} | prelude.toB:",
        "\"prelude\":{\"toA\":\"QQ=\"} | prelude.toA",
        "\"prelude\":{\"toB\":\"Q-_=\"} | prelude.toB",
        "\"prelude\":{\"toB\":\"QQ==\\n\"} | prelude.toB",
      })
  void wrongFieldIsNamed(String members, String field) {
    assertThat(refused(members)).startsWith("bad-request: ").contains(field);
    assertThat(peer.stats().getInteger("relays")).isZero();
  }

  @Test
  void limitsMayBeAsLargeAsALong() {
    String most = String.valueOf(Long.MAX_VALUE);
    String more =
        ",\"idleTimeoutMs\":%s,\"halfCloseTimeoutMs\":%s,\"maxDurationMs\":%s,\"maxBytes\":%s"
            .formatted(most, most, most, most);
    peer.splice(more, one.near(), two.near());
    farOne.write(new byte[] {1});
    assertThat(farTwo.read(1)).containsExactly(1);
    end();
    peer.event().close();
  }

  @Test
  void absentAndNullFieldsMeanNoLimit() {
    String more =
        ",\"idleTimeoutMs\":null,\"halfCloseTimeoutMs\":0,\"maxDurationMs\":null,\"maxBytes\":0,"
            + "\"prelude\":null,\"metadata\":null";
    peer.splice(more, one.near(), two.near());
    end();
    try (ControlPeer.Incoming event = peer.event()) {
      assertThat(event.json().getString("reason")).isEqualTo("eof");
      assertThat(event.json().containsKey("metadata")).isTrue();
      assertThat(event.json().getValue("metadata")).isNull();
    }
  }

  private void end() {
    farOne.halfClose();
    farTwo.halfClose();
  }

  @Test
  void finishedTellsEverything() {
    String relay = peer.splice(",\"metadata\":{\"z\":1,\"a\":[1.50]}", one.near(), two.near());
    farOne.write("hello".getBytes(StandardCharsets.US_ASCII));
    assertThat(farTwo.read(5)).hasSize(5);
    farTwo.write(new byte[3]);
    assertThat(farOne.read(3)).hasSize(3);
    farOne.halfClose();
    assertThat(farTwo.readAll()).isEmpty();
    farTwo.halfClose();
    try (ControlPeer.Incoming event = peer.event()) {
      JsonObject json = event.json();
      assertThat(json.fieldNames())
          .containsExactlyInAnyOrder(
              "event",
              "relay",
              "reason",
              "endedBy",
              "bytes",
              "durationMs",
              "metadata",
              "endpoints",
              "tcpInfo",
              "fds");
      assertThat(json.getString("event")).isEqualTo("finished");
      assertThat(json.getString("relay")).isEqualTo(relay);
      assertThat(json.getString("reason")).isEqualTo("eof");
      assertThat(json.getString("endedBy")).isEqualTo("a");
      assertThat(json.getJsonObject("bytes").encode()).isEqualTo("{\"aToB\":5,\"bToA\":3}");
      assertThat(json.getLong("durationMs")).isBetween(0L, 10_000L);
      assertThat(json.getJsonArray("fds").encode()).isEqualTo("[\"a\",\"b\"]");
      JsonObject ends = json.getJsonObject("endpoints");
      assertThat(ends.getJsonObject("a").getString("local")).matches("127\\.0\\.0\\.1:\\d+");
      assertThat(ends.getJsonObject("b").getString("peer")).matches("\\[::1]:\\d+");
      JsonObject info = json.getJsonObject("tcpInfo").getJsonObject("a");
      // The FIN counts as one.
      assertThat(info.getLong("bytesReceived")).isEqualTo(6);
      assertThat(info.fieldNames()).contains("state", "rtt", "totalRetrans", "sndCwnd");
    }
  }

  @Test
  void metadataComesBackByteByByte() {
    String metadata = "{ \"b\":1.0, \"a\" :\"\\u00e9é\\/\", \"b\":1e+2 ,\"n\":-0 }";
    peer.splice(",\"metadata\":" + metadata, one.near(), two.near());
    end();
    String text = peer.rawEvent();
    assertThat(text).contains("\"metadata\":" + metadata);
  }

  @Test
  void socketsComeBackWithTheirFlags() {
    int flags = Syscalls.fcntl(one.near().fd(), Syscalls.F_GETFL, 0) & ~Syscalls.O_NONBLOCK;
    Syscalls.fcntl(one.near().fd(), Syscalls.F_SETFL, flags);
    int other = Syscalls.fcntl(two.near().fd(), Syscalls.F_GETFL, 0);
    peer.splice(one.near(), two.near());
    end();
    try (ControlPeer.Incoming event = peer.event()) {
      int a = event.descriptors().get(0).fd();
      int b = event.descriptors().get(1).fd();
      assertThat(Sockets.cookie(a)).isEqualTo(Sockets.cookie(one.near().fd()));
      assertThat(Syscalls.fcntl(a, Syscalls.F_GETFL, 0)).isEqualTo(flags);
      assertThat(Syscalls.fcntl(b, Syscalls.F_GETFL, 0)).isEqualTo(other);
    }
  }

  @Test
  void undeliveredBytesComeBackInPipesBehindTheSockets() {
    byte[] kept = "kept".getBytes(StandardCharsets.US_ASCII);
    try (TestPeer near = new TestPeer(two.near().duplicate())) {
      near.fill();
    }
    String relay = peer.splice(",\"prelude\":{\"toB\":\"a2VwdA==\"}", one.near(), two.near());
    peer.ask("{\"op\":\"abort\",\"id\":5,\"relay\":\"" + relay + "\"}");
    try (ControlPeer.Incoming event = peer.event()) {
      assertThat(event.json().getString("reason")).isEqualTo("aborted");
      assertThat(event.json().containsKey("endedBy")).isTrue();
      assertThat(event.json().getValue("endedBy")).isNull();
      assertThat(event.json().getJsonArray("fds").encode()).isEqualTo("[\"a\",\"b\",\"aToB\"]");
      assertThat(event.json().getJsonObject("undelivered").encode())
          .isEqualTo("{\"aToB\":4,\"bToA\":0}");
      NativeMemory read = NativeMemory.allocate(10);
      long n = Syscalls.read(event.descriptors().get(2).fd(), read.address(), 10);
      assertThat(read.bytes(0, (int) n)).isEqualTo(kept);
    }
  }

  @Test
  void listTellsOfLiveRelays() {
    assertThat(peer.ask("{\"op\":\"list\",\"id\":1}").encode())
        .isEqualTo("{\"id\":1,\"ok\":true,\"relays\":[]}");
    String relay = peer.splice(",\"metadata\":[7]", one.near(), two.near());
    farOne.write(new byte[10]);
    farTwo.read(10);
    // The bytes may be here before the relay's loop has counted them.
    Await.until(
        "the bytes are counted",
        () ->
            only(peer.ask("{\"op\":\"list\",\"id\":2}")).getJsonObject("bytes").getInteger("aToB")
                == 10);
    JsonObject entry = only(peer.ask("{\"op\":\"list\",\"id\":2}"));
    assertThat(entry.fieldNames())
        .containsExactlyInAnyOrder("relay", "bytes", "ageMs", "idleMs", "metadata");
    assertThat(entry.getString("relay")).isEqualTo(relay);
    assertThat(entry.getJsonObject("bytes").encode()).isEqualTo("{\"aToB\":10,\"bToA\":0}");
    assertThat(entry.getJsonArray("metadata").encode()).isEqualTo("[7]");
    assertThat(entry.getLong("ageMs")).isGreaterThanOrEqualTo(entry.getLong("idleMs"));
    end();
    peer.event().close();
    assertThat(peer.ask("{\"op\":\"list\",\"id\":1}").getJsonArray("relays")).isEmpty();
    assertThat(peer.refused("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + relay + "\"}"))
        .startsWith("not-found: ");
  }

  private static JsonObject only(JsonObject list) {
    JsonArray relays = list.getJsonArray("relays");
    assertThat(relays).hasSize(1);
    return relays.getJsonObject(0);
  }

  @Test
  void pagesGoOnWhereTheLastOneEndedThoughItsRelayIsGone() {
    int count = 25;
    List<StreamPair> pairs = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StreamPair left = StreamPair.unix();
      StreamPair right = StreamPair.unix();
      pairs.addAll(List.of(left, right));
      ids.add(peer.splice(left.near(), right.near()));
    }
    List<String> seen = new ArrayList<>();
    JsonObject page = peer.ask("{\"op\":\"list\",\"id\":1,\"limit\":10}");
    relays(page).forEach(seen::add);
    assertThat(page.getString("next")).isEqualTo(ids.get(9));
    // The relay that the page ended with ends, and so does one of the next page.
    List.of(9, 12).forEach(i -> abort(ids.get(i)));
    page = peer.ask("{\"op\":\"list\",\"id\":1,\"limit\":10,\"after\":\"" + ids.get(9) + "\"}");
    relays(page).forEach(seen::add);
    String next = page.getString("next");
    page = peer.ask("{\"op\":\"list\",\"id\":1,\"limit\":10,\"after\":\"" + next + "\"}");
    relays(page).forEach(seen::add);
    assertThat(page.containsKey("next")).isFalse();
    ids.remove(12);
    assertThat(seen).isEqualTo(ids);
    pairs.forEach(StreamPair::close);
    for (int i = 0; i < count - 2; i++) {
      peer.event().close();
    }
  }

  private void abort(String relay) {
    peer.ask("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + relay + "\"}");
    peer.event().close();
  }

  private static List<String> relays(JsonObject page) {
    return page.getJsonArray("relays").stream()
        .map(relay -> ((JsonObject) relay).getString("relay"))
        .toList();
  }

  @Test
  void lastPageThatIsFullHasNoNext() {
    peer.splice(one.near(), two.near());
    assertThat(peer.ask("{\"op\":\"list\",\"id\":1,\"limit\":1}").containsKey("next")).isFalse();
    end();
    peer.event().close();
  }

  @Test
  void relaysOfAnotherAppAreNotFoundByItButByRoot() {
    // Root sees all: what others see is tested with clients of other uids.
    String relay = peer.splice(one.near(), two.near());
    try (ControlPeer other = splicer.connect("other")) {
      assertThat(only(other.ask("{\"op\":\"list\",\"id\":1}")).getString("relay")).isEqualTo(relay);
      assertThat(other.ask("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + relay + "\"}").encode())
          .isEqualTo("{\"id\":1,\"ok\":true}");
      try (ControlPeer.Incoming event = peer.event()) {
        assertThat(event.json().getString("reason")).isEqualTo("aborted");
      }
      assertThat(other.quiet()).isTrue();
    }
  }

  @Test
  void abortingTwiceIsNoErrorOrNotFound() {
    String relay = peer.splice(one.near(), two.near());
    String abort = "{\"op\":\"abort\",\"id\":1,\"relay\":\"" + relay + "\"}";
    peer.send(abort);
    peer.send(abort);
    int events = 0;
    int answers = 0;
    while (answers < 2 || events < 1) {
      try (ControlPeer.Incoming incoming = peer.receive()) {
        if (incoming.json().containsKey("event")) {
          events++;
        } else {
          answers++;
          assertThat(incoming.error()).isIn("no error", "not-found");
        }
      }
    }
    Await.until("nothing is left", () -> peer.stats().getInteger("descriptors") == 0);
  }
}
