package dev.oxbow.fish.replica;

/** A session whose connections the partner is told of. Loop thread only. */
public final class SharedSession {
  private final int slot;
  private final SessionName name;

  /** In which the partner was told of it. */
  private long round;

  /**
   * @param slot its place in the ledger
   */
  public SharedSession(int slot, SessionName name) {
    this.slot = slot;
    this.name = name;
  }

  int slot() {
    return slot;
  }

  SessionName name() {
    return name;
  }

  /** Whether it was told in a round. */
  boolean isTold(long inRound) {
    return round == inRound;
  }

  void told(long inRound) {
    round = inRound;
  }
}
