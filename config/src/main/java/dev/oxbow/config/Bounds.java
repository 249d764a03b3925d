package dev.oxbow.config;

import io.vertx.core.json.JsonObject;
import java.util.regex.Pattern;

/** Checks of the options' setters, all with the same words. */
final class Bounds {

  /** The greatest uid and gid; 2^32-1 means "unchanged" to chown(2) and is nobody's. */
  static final long MAX_ID = 4_294_967_294L;

  private Bounds() {}

  /** The integer at a key; one that does not fit into an int is refused, not truncated. */
  static int integer(JsonObject json, String key, int defaultValue) {
    long value = json.getLong(key, (long) defaultValue);
    return (int) check(key, value, Integer.MIN_VALUE, Integer.MAX_VALUE);
  }

  static int check(String name, int value, int min, int max) {
    return (int) check(name, (long) value, min, max);
  }

  static long check(String name, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          name + ": " + value + " is not right: expected an integer from " + min + " to " + max);
    }
    return value;
  }

  static String check(String name, String value, Pattern pattern, String expected) {
    if (!pattern.matcher(value).matches()) {
      throw new IllegalArgumentException(
          name + ": \"" + value + "\" is not right: expected " + expected);
    }
    return value;
  }
}
