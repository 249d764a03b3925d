package dev.oxbow.codecs.control;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Builds one JSON object, member by member, and gives it out as UTF-8. One thread, used once. */
public final class MessageWriter {
  private static final JsonFactory JSON = new JsonFactory();

  private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
  private final JsonGenerator json;

  /** Writes one member's value; what Jackson throws cannot happen in memory. */
  private interface Step {
    void write(JsonGenerator json) throws IOException;
  }

  public MessageWriter() {
    try {
      json = JSON.createGenerator(out);
      json.writeStartObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An answer that says that all went well; more members may follow. */
  public static MessageWriter ok(RawJson id) {
    return new MessageWriter().raw("id", id).flag("ok", true);
  }

  /** An answer that says what was wrong; with {@code id} null where the request had none. */
  public static MessageWriter error(@Nullable RawJson id, ErrorCode code, String message) {
    return new MessageWriter()
        .raw("id", id == null ? RawJson.NULL : id)
        .object("error")
        .string("code", code.wireName())
        .string("message", message)
        .end();
  }

  /** A string, or null. */
  public MessageWriter string(String name, @Nullable String value) {
    return step(g -> g.writeStringField(name, value));
  }

  /** A signed number. */
  public MessageWriter number(String name, long value) {
    return step(g -> g.writeNumberField(name, value));
  }

  /** A number of 64 bits without sign. */
  public MessageWriter unsigned(String name, long value) {
    return step(
        g -> {
          g.writeFieldName(name);
          g.writeNumber(Long.toUnsignedString(value));
        });
  }

  /** A number with a fraction. */
  public MessageWriter number(String name, double value) {
    return step(g -> g.writeNumberField(name, value));
  }

  /** True or false. */
  public MessageWriter flag(String name, boolean value) {
    return step(g -> g.writeBooleanField(name, value));
  }

  /** A value that is JSON already. */
  public MessageWriter raw(String name, RawJson value) {
    return step(
        g -> {
          g.writeFieldName(name);
          g.writeRawValue(value.toString());
        });
  }

  /**
   * All members of an object that is JSON already, as they stand there; the first name has no
   * escaped characters.
   *
   * @throws IllegalArgumentException when it is no object
   */
  public MessageWriter members(RawJson object) {
    String text = object.toString().strip();
    if (!text.startsWith("{")) {
      throw new IllegalArgumentException("no object: " + Message.shortened(text));
    }
    String inside = text.substring(1, text.length() - 1).strip();
    if (inside.isEmpty()) {
      return this;
    }
    int end = inside.indexOf('"', 1);
    String first = inside.substring(1, end);
    // The first value and all that follows it in the text.
    String rest = inside.substring(inside.indexOf(':', end) + 1);
    return step(
        g -> {
          g.writeFieldName(first);
          g.writeRawValue(rest);
        });
  }

  /** A null. */
  public MessageWriter nothing(String name) {
    return step(g -> g.writeNullField(name));
  }

  /** An array of strings. */
  public MessageWriter strings(String name, List<String> values) {
    array(name);
    for (String value : values) {
      step(g -> g.writeString(value));
    }
    return endArray();
  }

  /** Opens an object as a member; {@link #end()} closes it. */
  public MessageWriter object(String name) {
    return step(g -> g.writeObjectFieldStart(name));
  }

  /** Opens an object as an element of the open array; {@link #end()} closes it. */
  public MessageWriter element() {
    return step(JsonGenerator::writeStartObject);
  }

  /** Closes the innermost object. */
  public MessageWriter end() {
    return step(JsonGenerator::writeEndObject);
  }

  /** Opens an array as a member; {@link #endArray()} closes it. */
  public MessageWriter array(String name) {
    return step(g -> g.writeArrayFieldStart(name));
  }

  /** Closes the innermost array. */
  public MessageWriter endArray() {
    return step(JsonGenerator::writeEndArray);
  }

  /** Bytes written so far, about. */
  public int size() {
    return out.size() + json.getOutputBuffered();
  }

  /** The finished object. */
  public byte[] bytes() {
    step(JsonGenerator::writeEndObject);
    step(JsonGenerator::close);
    return out.toByteArray();
  }

  private MessageWriter step(Step step) {
    try {
      step.write(json);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
