package dev.oxbow.codecs.control;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A decoded JSON object. Getters check the type and throw {@link RequestException} {@code
 * bad-request} with the field's name; members that nobody asks for are ignored. Immutable.
 */
public final class Message {
  private final Map<String, @Nullable Object> members;

  Message(Map<String, @Nullable Object> members) {
    this.members = members;
  }

  /**
   * Decodes a message.
   *
   * @param utf8 one JSON object
   * @throws RequestException {@code bad-request} when it is something else
   */
  public static Message parse(byte[] utf8) {
    return new Message(MessageReader.readObject(utf8));
  }

  /** Whether the member is present and not null. */
  public boolean has(String field) {
    Object value = members.get(field);
    return value != null && !value.equals(RawJson.NULL);
  }

  /** The id of a request, a number or a string, as it came; null when there is none. */
  public @Nullable RawJson id() {
    if (!(members.get("id") instanceof RawJson id)) {
      return null;
    }
    char first = id.toString().charAt(0);
    return first == '"' || first == '-' || Character.isDigit(first) ? id : null;
  }

  /** Metadata as it came; {@link RawJson#NULL} when there is none. */
  public RawJson metadata() {
    return members.get("metadata") instanceof RawJson raw ? raw : RawJson.NULL;
  }

  /** A string that must be there. */
  public String string(String field) {
    Object value = members.get(field);
    if (value instanceof String string) {
      return string;
    }
    throw wrong(field, value, "a string");
  }

  /** A string or the default. */
  public @Nullable String string(String field, @Nullable String otherwise) {
    return has(field) ? string(field) : otherwise;
  }

  /** An integer within bounds, both inclusive, or the default. */
  public long integer(String field, long min, long max, long otherwise) {
    return has(field) ? integer(field, min, max) : otherwise;
  }

  /** An integer within bounds, both inclusive, that must be there. */
  public long integer(String field, long min, long max) {
    Object value = members.get(field);
    if (value instanceof Integer || value instanceof Long) {
      long number = ((Number) value).longValue();
      if (number >= min && number <= max) {
        return number;
      }
    }
    throw wrong(field, value, "an integer from " + min + " to " + max);
  }

  /** A number of any kind that must be there. */
  public Number number(String field) {
    Object value = members.get(field);
    if (value instanceof Number number) {
      return number;
    }
    throw wrong(field, value, "a number");
  }

  /** A boolean or the default. */
  public boolean flag(String field, boolean otherwise) {
    Object value = members.get(field);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof Boolean flag) {
      return flag;
    }
    throw wrong(field, value, "true or false");
  }

  /** A number, a string or a boolean that must be there. */
  public Object scalar(String field) {
    Object value = members.get(field);
    if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      return value;
    }
    throw wrong(field, value, "a number, a string, true or false");
  }

  /** An object, or null when there is none. */
  public @Nullable Message object(String field) {
    Object value = members.get(field);
    if (value == null || value instanceof Message) {
      return (Message) value;
    }
    throw wrong(field, value, "an object");
  }

  /** An object that must be there. */
  public Message member(String field) {
    Object value = members.get(field);
    if (value instanceof Message message) {
      return message;
    }
    throw wrong(field, value, "an object");
  }

  /** An array of strings; empty when there is none. */
  public List<String> strings(String field) {
    List<String> strings = new ArrayList<>();
    for (Object element : array(field)) {
      if (!(element instanceof String string)) {
        throw wrong(field, element, "an array of strings");
      }
      strings.add(string);
    }
    return strings;
  }

  /** An array of objects; empty when there is none. */
  public List<Message> objects(String field) {
    List<Message> objects = new ArrayList<>();
    for (Object element : array(field)) {
      if (!(element instanceof Message message)) {
        throw wrong(field, element, "an array of objects");
      }
      objects.add(message);
    }
    return objects;
  }

  /** Whether the member is an object. */
  public boolean isObject(String field) {
    return members.get(field) instanceof Message;
  }

  /** Names of all members, in the order they came. */
  public Iterable<String> names() {
    return members.keySet();
  }

  private List<?> array(String field) {
    Object value = members.get(field);
    if (value == null) {
      return List.of();
    }
    if (value instanceof List<?> list) {
      return list;
    }
    throw wrong(field, value, "an array");
  }

  private static RequestException wrong(String field, @Nullable Object value, String expected) {
    String found = value == null ? "missing" : "is " + shown(value);
    return RequestException.badField(field, found + "; expected " + expected);
  }

  private static String shown(Object value) {
    if (value instanceof Message) {
      return "an object";
    }
    if (value instanceof List<?>) {
      return "an array";
    }
    return shortened(value instanceof String ? "\"" + value + "\"" : value.toString());
  }

  /** As much of a text from outside as an error message can bear. */
  static String shortened(String text) {
    final int most = 40;
    return text.length() <= most ? text : text.substring(0, most) + "...";
  }

  @Override
  public String toString() {
    return members.toString();
  }
}
