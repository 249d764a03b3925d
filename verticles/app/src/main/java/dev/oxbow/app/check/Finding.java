package dev.oxbow.app.check;

import java.util.Locale;

/**
 * One thing that was looked at.
 *
 * @param name what
 * @param level how it is
 * @param required whether Oxbow cannot start without it
 * @param detail what was found
 * @param remedy how to make it right; empty when it is
 */
public record Finding(String name, Level level, boolean required, String detail, String remedy) {

  /** How a thing is. */
  public enum Level {
    /** As it should be. */
    OK,
    /** Good enough, with a limit that may be met. */
    WARN,
    /** Not there, or not usable. */
    MISSING,
    /** There, and not right. */
    WRONG;

    /** As it stands in the output. */
    public String wireName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  static Finding ok(String name, String detail) {
    return new Finding(name, Level.OK, false, detail, "");
  }

  static Finding warn(String name, String detail, String remedy) {
    return new Finding(name, Level.WARN, false, detail, remedy);
  }

  static Finding wrong(String name, String detail) {
    return new Finding(name, Level.WRONG, true, detail, "");
  }

  static Finding missing(String name, String detail, String remedy) {
    return new Finding(name, Level.MISSING, true, detail, remedy);
  }

  static Finding optional(String name, String detail, String remedy) {
    return new Finding(name, Level.MISSING, false, detail, remedy);
  }

  /** Whether Oxbow cannot start because of it. */
  public boolean fatal() {
    return required && (level == Level.MISSING || level == Level.WRONG);
  }
}
