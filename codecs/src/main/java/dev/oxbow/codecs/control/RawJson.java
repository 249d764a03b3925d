package dev.oxbow.codecs.control;

import java.nio.charset.StandardCharsets;

/**
 * A JSON value kept as the text it came in, so that it goes back unchanged: numbers keep their
 * digits, objects their order. Immutable.
 */
public final class RawJson {

  /** JSON's null. */
  public static final RawJson NULL = new RawJson("null", 4);

  private final String text;
  private final int utf8Length;

  RawJson(String text, int utf8Length) {
    this.text = text;
    this.utf8Length = utf8Length;
  }

  /**
   * Checks and keeps a JSON text.
   *
   * @throws IllegalArgumentException when it is not exactly one JSON value
   */
  public static RawJson of(String json) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(json)) {
      throw new IllegalArgumentException("half of a surrogate pair");
    }
    byte[] utf8 = json.getBytes(StandardCharsets.UTF_8);
    MessageReader.requireOneValue(utf8);
    return new RawJson(json, utf8.length);
  }

  /** Length in bytes of UTF-8. */
  public int length() {
    return utf8Length;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RawJson json && text.equals(json.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  /** The JSON text. */
  @Override
  public String toString() {
    return text;
  }
}
