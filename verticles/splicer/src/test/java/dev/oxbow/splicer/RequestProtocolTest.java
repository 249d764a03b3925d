package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests, answers and errors that every service has, as bytes on the control socket. */
@DescriptorLeaks
final class RequestProtocolTest {
  private ServedSplicer splicer;
  private ControlPeer peer;

  @BeforeEach
  void connect() {
    splicer = ServedSplicer.start();
    peer = splicer.connect();
  }

  @AfterEach
  void close() {
    peer.close();
    splicer.close();
  }

  @Test
  void helloTellsServiceProtocolVersionAndPid() {
    JsonObject answer = peer.ask("{\"op\":\"hello\",\"id\":1,\"app\":\"edge\",\"acks\":false}");
    assertThat(answer.encode())
        .isEqualTo(
            "{\"id\":1,\"ok\":true,\"service\":\"splicer\",\"protocol\":1,\"version\":\"0.1.0\","
                + "\"pid\":"
                + ProcessHandle.current().pid()
                + "}");
  }

  @Test
  void statsNeedNoHello() {
    JsonObject stats = peer.stats();
    assertThat(stats.getInteger("connections")).isEqualTo(1);
    assertThat(stats.getInteger("relays")).isZero();
    assertThat(stats.getInteger("descriptors")).isZero();
    assertThat(stats.getInteger("mailboxDropped")).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1",
        "-7",
        "0",
        "1.50",
        "1e3",
        "123456789012345678901234567890",
        "\"x\"",
        "\"\"",
        "\"\\u00e9\\n\"",
        "\"\\ud800\""
      })
  void idComesBackAsItCame(String id) {
    peer.send("{\"op\":\"list\",\"id\":" + id + "}");
    // Raw, because a JSON library would change the number or the escape.
    assertThat(peer.raw()).isEqualTo("{\"id\":" + id + ",\"ok\":true,\"relays\":[]}");
    peer.send("{\"id\":" + id + ",\"op\":\"nonsense\"}");
    assertThat(peer.raw()).startsWith("{\"id\":" + id + ",\"error\":{\"code\":\"unknown-op\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ",\"id\":null", ",\"id\":true", ",\"id\":[1]", ",\"id\":{\"a\":1}"})
  void requestWithoutUsableIdIsRefusedWithNull(String id) {
    peer.send("{\"op\":\"stats\"" + id + "}");
    JsonObject answer = peer.answer();
    assertThat(answer.containsKey("id")).isTrue();
    assertThat(answer.getValue("id")).isNull();
    assertThat(answer.getJsonObject("error").getString("code")).isEqualTo("bad-request");
    assertThat(answer.getJsonObject("error").getString("message")).contains("id");
    assertThat(peer.stats()).isNotNull();
  }

  @Test
  void answersComeInTheOrderOfTheRequests() {
    try (StreamPair one = StreamPair.unix();
        StreamPair two = StreamPair.unix()) {
      peer.hello("order", false);
      peer.send("{\"op\":\"stats\",\"id\":1}");
      peer.send("{\"op\":\"nonsense\",\"id\":2}");
      peer.sendInBody("{\"op\":\"list\",\"id\":3}", List.of());
      peer.send("{\"op\":\"splice\",\"id\":4,\"fds\":[\"a\",\"b\"]}", one.near(), two.near());
      peer.sendInBody("{\"op\":\"stats\",\"id\":5}", List.of());
      peer.send("{\"op\":\"list\",\"id\":6}");
      for (int id = 1; id <= 6; id++) {
        assertThat(peer.answer().getInteger("id")).isEqualTo(id);
      }
    }
    peer.event().close();
  }

  @Test
  void answerComesBeforeTheEventOfWhatItCreated() {
    peer.hello("order", false);
    for (int i = 0; i < 100; i++) {
      try (StreamPair one = StreamPair.unix();
          StreamPair two = StreamPair.unix()) {
        one.far().close();
        two.far().close();
        String relay = peer.splice(one.near(), two.near());
        try (ControlPeer.Incoming event = peer.event()) {
          assertThat(event.json().getString("relay")).isEqualTo(relay);
        }
      }
    }
  }

  @Test
  void abortIsAnsweredBeforeItsEvent() {
    peer.hello("order", false);
    for (int i = 0; i < 50; i++) {
      try (StreamPair one = StreamPair.unix();
          StreamPair two = StreamPair.unix()) {
        String relay = peer.splice(one.near(), two.near());
        JsonObject answer = peer.ask("{\"op\":\"abort\",\"id\":5,\"relay\":\"" + relay + "\"}");
        assertThat(answer.encode()).isEqualTo("{\"id\":5,\"ok\":true}");
        try (ControlPeer.Incoming event = peer.event()) {
          assertThat(event.json().getString("reason")).isEqualTo("aborted");
        }
      }
    }
  }

  @Test
  void ignoresUnknownFields() {
    String more = ",\"x\":[1,{\"y\":null}],\"prélude\":\"\",\"event\":3,\"error\":{},\"ok\":false}";
    assertThat(peer.ask("{\"op\":\"stats\",\"id\":1" + more).getBoolean("ok")).isTrue();
    String hello = "{\"op\":\"hello\",\"id\":1,\"app\":\"a\"";
    assertThat(peer.ask(hello + more).getBoolean("ok")).isTrue();
  }

  @Test
  void unknownOpIsAnErrorThatNamesIt() {
    assertThat(peer.refused("{\"op\":\"splise\",\"id\":1}"))
        .startsWith("unknown-op: ")
        .contains("splise");
    assertThat(peer.refused("{\"op\":\"upgrade\",\"id\":1}")).startsWith("unknown-op: ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"id\":1} | op",
        "{\"id\":1,\"op\":null} | op",
        "{\"id\":1,\"op\":3} | op",
        "{\"id\":1,\"op\":[\"stats\"]} | op",
        "{\"id\":1,\"op\":\"hello\"} | app",
        "{\"id\":1,\"op\":\"hello\",\"app\":null} | app",
        "{\"id\":1,\"op\":\"hello\",\"app\":7} | app",
        "{\"id\":1,\"op\":\"hello\",\"app\":\"\"} | app",
        "{\"id\":1,\"op\":\"hello\",\"app\":\"a b\"} | app",
        "{\"id\":1,\"op\":\"hello\",\"app\":\"a/b\"} | app",
        "{\"id\":1,\"op\":\"hello\",\"app\":\"é\"} | app",
        "{\"id\":1,\"op\":\"hello\",\"app\":\"a\\n\"} | app",
        "{\"id\":1,\"op\":\"hello\",\"app\":\"a\",\"acks\":1} | acks",
        "{\"id\":1,\"op\":\"hello\",\"app\":\"a\",\"acks\":\"true\"} | acks",
        "{\"id\":1,\"op\":\"ack\",\"seq\":1} | hello",
        "{\"id\":1,\"op\":\"list\",\"limit\":0} | limit",
        "{\"id\":1,\"op\":\"list\",\"limit\":-1} | limit",
        "{\"id\":1,\"op\":\"list\",\"limit\":1001} | limit",
        "{\"id\":1,\"op\":\"list\",\"limit\":1.5} | limit",
        "{\"id\":1,\"op\":\"list\",\"limit\":\"1\"} | limit",
        "{\"id\":1,\"op\":\"list\",\"limit\":99999999999999999999} | limit",
        "{\"id\":1,\"op\":\"list\",\"after\":1} | after",
        "{\"id\":1,\"op\":\"list\",\"after\":\"\"} | after",
        "{\"id\":1,\"op\":\"list\",\"after\":\"no id\"} | after",
        "{\"id\":1,\"op\":\"list\",\"after\":\"-5\"} | after",
        "{\"id\":1,\"op\":\"abort\"} | relay",
        "{\"id\":1,\"op\":\"abort\",\"relay\":5} | relay",
        "{\"id\":1,\"op\":\"stats\",\"fds\":\"a\"} | fds",
        "{\"id\":1,\"op\":\"stats\",\"fds\":{}} | fds",
        "{\"id\":1,\"op\":\"stats\",\"fds\":[1]} | fds",
        "{\"id\":1,\"op\":\"stats\",\"fds\":[null]} | fds",
        "{\"id\":1,\"op\":\"stats\",\"op\":\"stats\"} | op",
      })
  void wrongFieldIsNamed(String request, String field) {
    peer.send(request);
    try (ControlPeer.Incoming answer = peer.receive()) {
      assertThat(answer.error()).isEqualTo("bad-request");
      assertThat(answer.why()).contains(field);
    }
    assertThat(peer.stats()).isNotNull();
  }

  @ParameterizedTest
  @CsvSource({
    "seq, ",
    "seq, 0",
    "seq, -1",
    "seq, 1.5",
    "seq, \"1\"",
    "seq, 1",
    "seq, 9223372036854775808"
  })
  void wrongAckIsRefused(String field, String value) {
    peer.hello("a", true);
    String member = value == null ? "" : ",\"" + field + "\":" + value;
    assertThat(peer.refused("{\"op\":\"ack\",\"id\":1" + member + "}"))
        .startsWith("bad-request: ")
        .contains(field);
  }

  @Test
  void appMayHaveSixtyFourCharacters() {
    String app = "aZ09._-x".repeat(8);
    assertThat(peer.refused("{\"op\":\"hello\",\"id\":1,\"app\":\"" + app + "y\"}"))
        .startsWith("bad-request: app");
    peer.hello(app, true);
  }

  @Test
  void oneConnectionNamesOneApp() {
    peer.hello("first", false);
    assertThat(peer.refused("{\"op\":\"hello\",\"id\":1,\"app\":\"second\"}"))
        .startsWith("bad-request: app");
    peer.hello("first", true);
    assertThat(peer.stats().getInteger("mailboxes")).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "}",
        "[]",
        "3",
        "\"op\"",
        "null",
        "{\"op\":\"stats\",\"id\":1}{}",
        "{op:1}",
        "{\"op\":\"stats\",\"id\":1,}",
        "{\"id\":01}",
        "{\"id\":NaN}",
        "\0",
        "{\"id\":1e999999999}"
      })
  void whatIsNoJsonObjectIsRefused(String text) {
    peer.send(text);
    assertThat(peer.refusal()).startsWith("bad-request: ");
    assertThat(peer.stats()).isNotNull();
  }

  @Test
  void whatIsNotUtf8IsRefused() {
    byte[] bytes = "{\"op\":\"stats\",\"id\":1,\"x\":\"?\"}".getBytes(StandardCharsets.UTF_8);
    bytes[bytes.length - 3] = (byte) 0xff;
    peer.send(bytes, List.of());
    assertThat(peer.refusal()).startsWith("bad-request: message").contains("UTF-8");
    peer.send("{\"op\":\"stats\",\"id\":1}".getBytes(StandardCharsets.UTF_16), List.of());
    assertThat(peer.refusal()).startsWith("bad-request: message");
  }

  @Test
  void halfASurrogatePairIsAnsweredToo() {
    assertThat(peer.refused("{\"op\":\"\\ud800\",\"id\":1}")).startsWith("unknown-op: ");
    assertThat(peer.refused("{\"op\":\"abort\",\"id\":1,\"relay\":\"\\udc00\"}"))
        .startsWith("not-found: ");
    // The message shows forty characters of a wrong value: not half of the last one.
    String smile = "\"" + "x".repeat(38) + "\\ud83d\\ude00\"";
    assertThat(peer.refused("{\"op\":\"list\",\"id\":1,\"limit\":" + smile + "}"))
        .startsWith("bad-request: limit");
    assertThat(peer.refused("{\"op\":\"stats\",\"id\":1,\"fds\":[\"\\ud800\"]}"))
        .startsWith("bad-descriptors: ");
  }

  @Test
  void longestPacketIsAccepted() {
    String request = "{\"op\":\"stats\",\"id\":1,\"x\":\"\"}";
    String padded = request.replace("\"\"", "\"" + "x".repeat(65_536 - request.length()) + "\"");
    assertThat(padded.length()).isEqualTo(65_536);
    assertThat(peer.ask(padded).getBoolean("ok")).isTrue();
  }

  @Test
  void longerPacketIsRefused() {
    String request = "{\"op\":\"stats\",\"id\":1}";
    peer.sendLong((request + " ".repeat(65_537 - request.length())));
    assertThat(peer.refusal()).startsWith("bad-request: message").contains("65536");
    assertThat(peer.stats()).isNotNull();
  }

  @Test
  void errorsQuoteLittleOfWhatTheyRefuse() {
    String op = "x".repeat(60_000);
    assertThat(peer.refused("{\"op\":\"" + op + "\",\"id\":1}")).hasSizeLessThan(1000);
    assertThat(peer.refused("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + op + "\"}"))
        .hasSizeLessThan(1000);
    assertThat(peer.refused("{\"op\":\"list\",\"id\":1,\"after\":\"" + op + "\"}"))
        .hasSizeLessThan(1000);
    assertThat(peer.refused("{\"op\":\"stats\",\"id\":1,\"fds\":[\"" + op + "\"]}"))
        .hasSizeLessThan(1000);
  }
}
