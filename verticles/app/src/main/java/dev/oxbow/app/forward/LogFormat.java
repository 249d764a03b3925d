package dev.oxbow.app.forward;

/** How the lines of the access log look. */
public enum LogFormat {
  /** {@code key=value} pairs. */
  TEXT,
  /** One JSON object a line. */
  JSON
}
