package dev.oxbow.fish.session;

/** What is known of the partner. */
public enum PartnerState {
  /** Nothing yet, or the way to it is cut: it may be there. */
  UNKNOWN("unknown"),
  /** It has told all that it has. */
  PRESENT("present"),
  /** It is held for lost: what it had may go on here. */
  LOST("lost");

  private final String wireName;

  PartnerState(String wireName) {
    this.wireName = wireName;
  }

  /** As it stands in messages. */
  public String wireName() {
    return wireName;
  }
}
