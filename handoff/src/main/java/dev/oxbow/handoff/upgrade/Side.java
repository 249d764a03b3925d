package dev.oxbow.handoff.upgrade;

/** The two processes of an upgrade. */
enum Side {
  /** Who served before. */
  PREDECESSOR(1),
  /** Who is to serve next. */
  SUCCESSOR(2);

  private final int code;

  Side(int code) {
    this.code = code;
  }

  /** As it stands in the memory that both map, whatever the version: never 0. */
  int code() {
    return code;
  }
}
