package dev.oxbow.fish.ports;

/**
 * Whether a port serves one destination or all: RFC 4787 4.1. The codes are those of the ledger:
 * add, never change.
 */
public enum Mapping {
  /** A port may serve many destinations at once, for different clients. */
  PER_DESTINATION(0, "per-destination"),
  /** A client's port keeps its outer port toward all destinations, which nobody else has then. */
  ENDPOINT_INDEPENDENT(1, "endpoint-independent");

  private final int code;
  private final String wireName;

  Mapping(int code, String wireName) {
    this.code = code;
    this.wireName = wireName;
  }

  /** As it stands in the ledger. */
  public int code() {
    return code;
  }

  /**
   * The mapping of a code.
   *
   * @throws IllegalArgumentException for one that this version does not know
   */
  public static Mapping of(int code) {
    for (Mapping mapping : values()) {
      if (mapping.code == code) {
        return mapping;
      }
    }
    throw new IllegalArgumentException("a mapping of code " + code);
  }

  /** As it stands in messages. */
  public String wireName() {
    return wireName;
  }
}
