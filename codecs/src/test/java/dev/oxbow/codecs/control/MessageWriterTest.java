package dev.oxbow.codecs.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MessageWriterTest {

  @Test
  void writesAnAnswer() {
    MessageWriter answer = MessageWriter.ok(RawJson.of("3")).string("relay", "r-1");
    assertThat(answer.bytes()).asString().isEqualTo("{\"id\":3,\"ok\":true,\"relay\":\"r-1\"}");
  }

  @Test
  void writesAnError() {
    byte[] error = MessageWriter.error(RawJson.of("\"x\""), ErrorCode.NOT_FOUND, "r-9").bytes();
    assertThat(error)
        .asString()
        .isEqualTo("{\"id\":\"x\",\"error\":{\"code\":\"not-found\",\"message\":\"r-9\"}}");
    assertThat(MessageWriter.error(null, ErrorCode.INTERNAL, "").bytes())
        .asString()
        .startsWith("{\"id\":null,");
  }

  @Test
  void writesAllKindsOfMembers() {
    byte[] bytes =
        new MessageWriter()
            .string("s", null)
            .number("n", -1)
            .unsigned("u", -1)
            .number("d", 0.25)
            .nothing("z")
            .strings("l", List.of("a", "\u00e9\"\\\n"))
            .object("o")
            .raw("r", RawJson.of("[1.0, {}]"))
            .end()
            .bytes();
    assertThat(bytes)
        .asString(UTF_8)
        .isEqualTo(
            "{\"s\":null,\"n\":-1,\"u\":18446744073709551615,\"d\":0.25,\"z\":null,"
                + "\"l\":[\"a\",\"\u00e9\\\"\\\\\\n\"],\"o\":{\"r\":[1.0, {}]}}");
  }

  @Test
  void sizeFollowsWhatIsWritten() {
    MessageWriter writer = new MessageWriter();
    int before = writer.size();
    writer.string("text", "x".repeat(10_000));
    assertThat(writer.size() - before).isBetween(10_000, 10_020);
    assertThat(writer.bytes().length - writer.size()).isBetween(0, 8);
  }

  @Test
  void writesHalfASurrogatePairAsAnEscape() {
    byte[] bytes = new MessageWriter().string("s", "\ud83d").bytes();
    assertThat(bytes).asString().isEqualToIgnoringCase("{\"s\":\"\\ud83d\"}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", " ", "1 2", "{", "[1", "{}x", "nul", "'a'", "\ud800", "\"\ud800\"", "01"})
  void rawJsonMustBeOneValue(String text) {
    assertThatThrownBy(() -> RawJson.of(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void rawJsonIsComparedByItsText() {
    assertThat(RawJson.of("1.0")).isEqualTo(RawJson.of("1.0")).isNotEqualTo(RawJson.of("1"));
    assertThat(RawJson.of("1.0")).hasSameHashCodeAs(RawJson.of("1.0"));
    assertThat(RawJson.of("\"\u20ac\"").length()).isEqualTo(5);
  }

  @ParameterizedTest
  @EnumSource
  void errorCodesAreFoundByTheirNames(ErrorCode code) {
    assertThat(ErrorCode.of(code.wireName())).isEqualTo(code);
    assertThat(code.wireName()).matches("[a-z-]+");
    assertThat(ErrorCode.of("from-the-future")).isEqualTo(ErrorCode.INTERNAL);
  }
}
