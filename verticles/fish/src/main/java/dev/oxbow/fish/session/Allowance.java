package dev.oxbow.fish.session;

/** Connections that somebody has, and how many that one may have and begin. Loop thread only. */
final class Allowance {
  private final int most;
  private final TokenBucket begins;
  private int flows;

  /**
   * @param most connections at once, resting ones included
   * @param perSecond new ones
   */
  Allowance(int most, int perSecond) {
    this.most = most;
    this.begins = new TokenBucket(perSecond);
  }

  /** Connections, resting ones included. */
  int flows() {
    return flows;
  }

  /** More or fewer connections are there, whether they fit or not. */
  void count(int change) {
    flows += change;
  }

  /** None is there: they are counted anew. */
  void clear() {
    flows = 0;
  }

  boolean isFull() {
    return flows >= most;
  }

  /** How often one may begin. */
  TokenBucket begins() {
    return begins;
  }
}
