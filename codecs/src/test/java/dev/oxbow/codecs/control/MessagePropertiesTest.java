package dev.oxbow.codecs.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class MessagePropertiesTest {

  @Property
  void anyMetadataComesBackByteByByte(
      @ForAll("json") String metadata,
      @ForAll("json") String before,
      @ForAll("json") String after) {
    String text =
        "{\"before\":" + before + ", \"metadata\" :\t" + metadata + " ,\"after\":" + after + "}";
    Message message = Message.parse(text.getBytes(UTF_8));
    assertThat(message.metadata()).hasToString(metadata).isEqualTo(RawJson.of(metadata));
    assertThat(message.metadata().length()).isEqualTo(metadata.getBytes(UTF_8).length);
    byte[] written = new MessageWriter().raw("metadata", message.metadata()).bytes();
    assertThat(written).asString(UTF_8).isEqualTo("{\"metadata\":" + metadata + "}");
    assertThat(Message.parse(written).metadata()).isEqualTo(message.metadata());
  }

  @Property
  void whatIsWrittenIsReadAgain(
      @ForAll String text,
      @ForAll long number,
      @ForAll boolean flag,
      @ForAll @Size(max = 5) List<String> strings,
      @ForAll("json") String raw) {
    MessageWriter writer =
        MessageWriter.ok(RawJson.of("7"))
            .string("text", text)
            .number("number", number)
            .unsigned("unsigned", number)
            .flag("flag", flag)
            .strings("strings", strings)
            .object("inner")
            .raw("metadata", RawJson.of(raw))
            .nothing("nothing")
            .end()
            .array("list")
            .element()
            .string("name", text)
            .end()
            .endArray();
    Message message = Message.parse(writer.bytes());
    assertThat(message.string("text")).isEqualTo(text);
    assertThat(message.integer("number", Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(number);
    assertThat(message.number("unsigned")).hasToString(Long.toUnsignedString(number));
    assertThat(message.flag("flag", !flag)).isEqualTo(flag);
    assertThat(message.strings("strings")).isEqualTo(strings);
    assertThat(message.object("inner").metadata()).hasToString(raw);
    assertThat(message.object("inner").has("nothing")).isFalse();
    assertThat(message.objects("list").get(0).string("name")).isEqualTo(text);
    assertThat(message.id()).hasToString("7");
    assertThat(message.flag("ok", false)).isTrue();
  }

  @Property
  void anyBytesAreAMessageOrRefused(@ForAll @Size(max = 64) byte[] bytes) {
    readOrRefused(bytes);
  }

  @Property(tries = 5_000)
  void aMessageWithOneByteChangedIsAMessageOrRefused(
      @ForAll("json") String metadata, @ForAll @IntRange(max = 1 << 20) int at, @ForAll byte to) {
    byte[] bytes = request(metadata);
    bytes[at % bytes.length] = to;
    readOrRefused(bytes);
  }

  @Property
  void aMessageThatIsCutIsRefused(@ForAll("json") String metadata, @ForAll @IntRange int at) {
    byte[] bytes = request(metadata);
    byte[] cut = java.util.Arrays.copyOf(bytes, Math.floorMod(at, bytes.length));
    try {
      Message.parse(cut);
    } catch (RequestException e) {
      assertThat(e.code()).isEqualTo(ErrorCode.BAD_REQUEST);
      return;
    }
    throw new AssertionError("not refused: " + new String(cut, UTF_8));
  }

  @Provide
  Arbitrary<String> json() {
    return JsonTexts.values();
  }

  private static byte[] request(String metadata) {
    String text =
        "{\"op\":\"splice\",\"id\":\"x\",\"fds\":[\"a\",\"b\"],\"metadata\":"
            + metadata
            + ",\"prelude\":{\"toA\":\"AAAA\"},\"maxBytes\":10,\"rate\":1.5,\"acks\":true}";
    return text.getBytes(UTF_8);
  }

  /** Nothing but RequestException may be thrown by parsing or by any getter. */
  private static void readOrRefused(byte[] bytes) {
    Message message;
    try {
      message = Message.parse(bytes);
    } catch (RequestException e) {
      answer(e);
      return;
    }
    List<Runnable> getters =
        List.of(
            () -> message.string("op"),
            () -> message.integer("maxBytes", 0, 5),
            () -> message.number("rate"),
            () -> message.flag("acks", false),
            () -> message.object("prelude"),
            () -> message.strings("fds"),
            () -> message.objects("fds"),
            message::id,
            message::metadata);
    for (Runnable getter : getters) {
      try {
        getter.run();
      } catch (RequestException e) {
        answer(e);
      }
    }
    new MessageWriter().raw("metadata", message.metadata()).bytes();
  }

  /** Every refusal can be told to whoever made the request. */
  private static void answer(RequestException refusal) {
    byte[] answer = MessageWriter.error(null, refusal.code(), refusal.getMessage()).bytes();
    Message error = Message.parse(answer).object("error");
    assertThat(ErrorCode.of(error.string("code"))).isEqualTo(refusal.code());
    assertThat(error.string("message")).isEqualTo(refusal.getMessage());
  }
}
