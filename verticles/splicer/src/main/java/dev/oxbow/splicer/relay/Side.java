package dev.oxbow.splicer.relay;

/** One of the two equal ends of a relay. */
public enum Side {
  A(0),
  B(1);

  private final int index;

  Side(int index) {
    this.index = index;
  }

  /** Its place in the ledger, and that of the direction that begins here. */
  public int index() {
    return index;
  }

  /** The opposite one. */
  public Side other() {
    return this == A ? B : A;
  }

  /** The side as it stands in messages: {@code a} or {@code b}. */
  public String wireName() {
    return this == A ? "a" : "b";
  }
}
