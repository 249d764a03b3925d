/** One direction of a busy relay. */
final class Stream {
  /** Sends that can be under way at once. */
  static final int SENDS_KEPT = 4096;

  final End from;
  final long periodNanos;
  long due;
  long sentWords;
  long sentMessages;
  long expected;
  long messageAt;
  long messages;
  final long[] sends = new long[SENDS_KEPT];
  final long[] ends = new long[SENDS_KEPT];
  long lastArrival;
  long latest;
  long silence;

  Stream(End from, long periodNanos, long firstDue) {
    this.from = from;
    this.periodNanos = periodNanos;
    this.due = firstDue;
  }

  void forget(long now) {
    latest = 0;
    silence = 0;
    lastArrival = now;
  }

  /** How late the message is that has been sent first of those that have not arrived. */
  long overdue(long now) {
    return messages < sentMessages ? now - sends[(int) (messages % SENDS_KEPT)] : 0;
  }

  /** Whether words are on their way that may still arrive. */
  boolean underWay() {
    return !from.gone && sentWords != expected;
  }
}
