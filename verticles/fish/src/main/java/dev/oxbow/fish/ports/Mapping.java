package dev.oxbow.fish.ports;

/** Whether a port serves one destination or all: RFC 4787 4.1. */
public enum Mapping {
  /** A port may serve many destinations at once, for different clients. */
  PER_DESTINATION("per-destination"),
  /** A client's port keeps its outer port toward all destinations, which nobody else has then. */
  ENDPOINT_INDEPENDENT("endpoint-independent");

  private final String wireName;

  Mapping(String wireName) {
    this.wireName = wireName;
  }

  /** As it stands in messages. */
  public String wireName() {
    return wireName;
  }
}
