package dev.oxbow.codecs.control;

import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MessageTest {

  @Test
  void readsEveryTypeOfMember() {
    Message message =
        parse(
            """
            {"op":"splice","n":-9223372036854775808,"d":1.5,"yes":true,"no":false,"gone":null,
             "fds":["a","b"],"inner":{"deep":{"x":1}},"list":[{"i":1},{"i":2}]}""");
    assertThat(message.string("op")).isEqualTo("splice");
    assertThat(message.integer("n", Long.MIN_VALUE, 0)).isEqualTo(Long.MIN_VALUE);
    assertThat(message.number("d").doubleValue()).isEqualTo(1.5);
    assertThat(message.flag("yes", false)).isTrue();
    assertThat(message.flag("no", true)).isFalse();
    assertThat(message.has("gone")).isFalse();
    assertThat(message.strings("fds")).containsExactly("a", "b");
    assertThat(message.object("inner").object("deep").integer("x", 0, 9)).isEqualTo(1);
    assertThat(message.objects("list"))
        .extracting(m -> m.integer("i", 0, 9))
        .containsExactly(1L, 2L);
    assertThat(message.names())
        .containsExactly("op", "n", "d", "yes", "no", "gone", "fds", "inner", "list");
  }

  @Test
  void defaultsStandForWhatIsMissingOrNull() {
    Message message = parse("{\"null\":null}");
    for (String field : List.of("null", "missing")) {
      assertThat(message.string(field, "x")).isEqualTo("x");
      assertThat(message.integer(field, 0, 1, 7)).isEqualTo(7);
      assertThat(message.flag(field, true)).isTrue();
      assertThat(message.object(field)).isNull();
      assertThat(message.strings(field)).isEmpty();
      assertThat(message.objects(field)).isEmpty();
      assertThat(message.has(field)).isFalse();
    }
  }

  @Test
  void missingFieldIsNamed() {
    Message message = parse("{}");
    refused(() -> message.string("op"), "op: missing; expected a string");
    refused(() -> message.integer("n", 0, 5), "n: missing; expected an integer from 0 to 5");
    refused(() -> message.number("d"), "d: missing; expected a number");
  }

  @Test
  void fieldOfAWrongTypeIsNamedWithWhatItIs() {
    Message message = parse("{\"a\":{\"b\":1},\"l\":[1],\"s\":\"text\",\"n\":1.5,\"t\":true}");
    refused(() -> message.string("a"), "a: is an object; expected a string");
    refused(() -> message.string("l"), "l: is an array; expected a string");
    refused(() -> message.integer("s", 0, 9), "s: is \"text\"; expected an integer from 0 to 9");
    refused(() -> message.integer("n", 0, 9), "n: is 1.5; expected an integer from 0 to 9");
    refused(() -> message.number("t"), "t: is true; expected a number");
    refused(() -> message.flag("n", true), "n: is 1.5; expected true or false");
    refused(() -> message.object("s"), "s: is \"text\"; expected an object");
    refused(() -> message.strings("s"), "s: is \"text\"; expected an array");
    refused(() -> message.strings("l"), "l: is 1; expected an array of strings");
    refused(() -> message.objects("l"), "l: is 1; expected an array of objects");
  }

  @Test
  void longTextIsCutInTheRefusal() {
    Message message = parse("{\"s\":\"" + "x".repeat(1000) + "\"}");
    refused(
        () -> message.flag("s", true), "s: is \"" + "x".repeat(39) + "...; expected true or false");
  }

  @Test
  void refusalOfATextCutInsideASurrogatePairCanBeWritten() {
    Message message = parse("{\"s\":\"" + "x".repeat(38) + "\ud83d\ude00yy\"}");
    try {
      message.flag("s", true);
    } catch (RequestException e) {
      byte[] answer = MessageWriter.error(null, e.code(), e.getMessage()).bytes();
      assertThat(Message.parse(answer).object("error").string("message")).startsWith("s: is \"xxx");
      return;
    }
    throw new AssertionError("not refused");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "1e3",
        "5.0",
        "100000000000000000000000000000000000000000",
        "6",
        "-1"
      })
  void integerOutOfRangeIsNamed(String number) {
    Message message = parse("{\"maxBytes\":" + number + "}");
    refused(() -> message.integer("maxBytes", 0, 5), "maxBytes: is ");
    assertThat(message.number("maxBytes")).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"1e99999999999", "1e-99999999999", "1e2147483648"})
  void numberWithAnAbsurdExponentIsRefusedOrRead(String number) {
    try {
      assertThat(parse("{\"n\":" + number + "}").number("n")).isNotNull();
    } catch (RequestException e) {
      assertThat(e.code()).isEqualTo(ErrorCode.BAD_REQUEST);
    }
  }

  @Test
  void fieldGivenTwiceIsNamed() {
    refused(() -> parse("{\"op\":\"a\",\"op\":\"b\"}"), "op: given twice");
    refused(() -> parse("{\"id\":1,\"id\":1}"), "id: given twice");
    refused(() -> parse("{\"x\":null,\"x\":null}"), "x: given twice");
    refused(() -> parse("{\"p\":{\"toA\":\"\",\"toA\":\"\"}}"), "toA: given twice");
    assertThat(parse("{\"metadata\":{\"x\":1,\"x\":2}}").metadata())
        .hasToString("{\"x\":1,\"x\":2}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"{}\"",
        "{",
        "{}}",
        "{} {}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":[1,]}",
        "{\"a\":tru}",
        "// c\n{}",
        "{\"metadata\":[",
        "{\"metadata\":{\"x\":}}",
        "{\"metadata\":01}",
        "{\"id\":1 2}",
        "{\"id\":\"x}",
        "\u0000"
      })
  void whatIsNotOneJsonObjectIsRefused(String text) {
    refused(() -> parse(text), "message: ");
  }

  @Test
  void invalidUtf8IsRefusedEverywhere() {
    for (String field : List.of("op", "metadata", "id", "anything")) {
      byte[] message = ("{\"" + field + "\":\"?\"}").getBytes(UTF_8);
      for (byte bad : new byte[] {(byte) 0xff, (byte) 0xc3, (byte) 0xed, (byte) 0x80}) {
        message[message.length - 3] = bad;
        refused(() -> Message.parse(message), "message: not UTF-8");
      }
    }
    byte[] surrogate = "{\"metadata\":\"???\"}".getBytes(UTF_8);
    System.arraycopy(new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80}, 0, surrogate, 13, 3);
    refused(() -> Message.parse(surrogate), "message: not UTF-8");
  }

  @Test
  void otherEncodingsAreNotGuessed() {
    refused(() -> Message.parse("{\"metadata\":1}".getBytes(UTF_16LE)), "message: ");
    refused(() -> Message.parse("\u0000{\u0000}".getBytes(UTF_8)), "message: ");
  }

  @Test
  void deepNestingIsRefused() {
    String open = "[".repeat(100_000);
    refused(() -> parse("{\"a\":" + open), "message: ");
    refused(() -> parse("{\"a\":" + "{\"a\":".repeat(100_000)), "message: ");
    refused(() -> parse("{\"metadata\":" + open), "metadata: nested deeper than 400");
    refused(() -> parse("{\"metadata\":" + nested(401) + "}"), "metadata: nested deeper than 400");
  }

  @Test
  void deepMetadataThatIsAcceptedCanBeWrappedAndReadAgain() {
    RawJson deep = parse("{\"metadata\":" + nested(400) + "}").metadata();
    MessageWriter answer = MessageWriter.ok(RawJson.of("1")).array("relays").element();
    byte[] bytes = answer.raw("metadata", deep).end().endArray().bytes();
    assertThat(Message.parse(bytes).objects("relays").get(0).metadata()).isEqualTo(deep);
  }

  @Test
  void idIsANumberOrAStringAndComesBackAsItWas() {
    assertThat(parse("{\"id\": 1.50e2 }").id()).hasToString("1.50e2");
    assertThat(parse("{\"id\":-7}").id()).hasToString("-7");
    assertThat(parse("{\"id\":\"\\u0061\"}").id()).hasToString("\"\\u0061\"");
    for (String other : List.of("null", "true", "[1]", "{}")) {
      assertThat(parse("{\"id\":" + other + "}").id()).isNull();
    }
    assertThat(parse("{}").id()).isNull();
    assertThat(parse("{\"id\":null}").has("id")).isFalse();
  }

  @Test
  void metadataIsNullWhereThereIsNone() {
    assertThat(parse("{}").metadata()).isEqualTo(RawJson.NULL);
    assertThat(parse("{\"metadata\":null}").metadata()).isEqualTo(RawJson.NULL);
  }

  @Test
  void byteOrderMarkDoesNotShiftMetadata() {
    try {
      assertThat(parse("\ufeff{\"metadata\":[1]}").metadata()).hasToString("[1]");
    } catch (RequestException e) {
      assertThat(e.code()).isEqualTo(ErrorCode.BAD_REQUEST);
    }
  }

  private static String nested(int depth) {
    return "[".repeat(depth) + "]".repeat(depth);
  }

  private static Message parse(String json) {
    return Message.parse(json.getBytes(UTF_8));
  }

  private static void refused(ThrowingCallable call, String messageStart) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RequestException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.BAD_REQUEST))
        .hasMessageStartingWith(messageStart);
  }
}
