package dev.oxbow.pair.loan;

/**
 * How long loans are, and what is put up with. Durations are those of a true clock, in
 * milliseconds; what a node's own clock must show for that, its rate being off by at most {@link
 * #driftPpm} either way, is worked out here and nowhere else.
 *
 * @param loanMs from the request for a loan until its last packet. Where the nodes of a pair
 *     differ, the shorter holds: nobody lends for longer than its own. One that lent for longer
 *     yesterday than it does today must not lose its memory meanwhile
 * @param drainMs at the end of a loan in which no new connection begins
 * @param quarantineMs that a port rests between two connections, and a block between two nodes
 * @param retryMs after which a request is sent again
 * @param driftPpm by which a second of a node's clock may be shorter or longer than a true one, in
 *     millionths. Daemons that set clocks slew them by up to a twelfth
 */
public record LoanTimes(long loanMs, long drainMs, long quarantineMs, long retryMs, int driftPpm) {

  /** Two minutes each for a loan and its rest, and clocks that are wrong by a tenth. */
  public static final LoanTimes DEFAULT = new LoanTimes(120_000, 30_000, 120_000, 1_000, 100_000);

  static final long DAY_MS = 86_400_000;
  private static final long MILLION = 1_000_000;

  /**
   * @throws IllegalArgumentException naming what is out of bounds
   */
  public LoanTimes {
    require("loanMs", loanMs, 1, DAY_MS);
    require("quarantineMs", quarantineMs, 0, DAY_MS);
    require("driftPpm", driftPpm, 0, 500_000);
    require("drainMs", drainMs, 0, loanMs / 3);
    require("retryMs", retryMs, 1, loanMs / 8 + 1);
  }

  private static void require(String name, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(name + " " + value + ": " + min + " to " + max);
    }
  }

  /** What a clock shows at most when so much is over for sure. */
  long atLeast(long trueMs) {
    return (trueMs * (MILLION + driftPpm) + MILLION - 1) / MILLION;
  }

  /** What a clock shows at most while so much is not over for sure. */
  long atMost(long trueMs) {
    return trueMs * (MILLION - driftPpm) / MILLION;
  }

  /** How much is over at most when a clock shows so much. */
  long trueMs(long shownMs) {
    long rate = MILLION - driftPpm;
    return (shownMs * MILLION + rate - 1) / rate;
  }

  /** For how long a block is lent that is wanted for so long. */
  long lendMs(long askedMs) {
    return Math.min(askedMs, loanMs);
  }

  /** On the borrower's clock from its request: when its last connection there has ended. */
  long useMs(long lentMs) {
    return atMost(lendMs(lentMs));
  }

  /** On the lender's clock from the borrower's request: when a block is its own again. */
  long awayMs(long useMs) {
    return atLeast(useMs + quarantineMs);
  }

  /** On any clock: how long a port rests. */
  public long restMs() {
    return atLeast(quarantineMs);
  }
}
