package dev.oxbow.handoff.upgrade;

import java.util.Locale;

/** The stages of an upgrade, in order. A failure in one undoes it and all before it. */
public enum Stage {
  /** The successor is started and connects. */
  SPAWN,
  /** Both say who they are and what they can read; refusals belong here, nothing was touched. */
  HELLO,
  /** The successor makes itself ready. */
  WARM,
  /** The control plane stops: requests wait in their sockets. */
  FREEZE,
  /** All descriptors and documents go over, while data still move. */
  COPY,
  /** Group by group stops here and goes on there. */
  SWITCH,
  /** One word decides; the predecessor ends. */
  COMMIT;

  /** As it stands in reports and errors. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
