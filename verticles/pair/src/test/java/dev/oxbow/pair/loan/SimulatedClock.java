package dev.oxbow.pair.loan;

import java.util.random.RandomGenerator;

/** A clock that runs at a rate of its own, which changes now and then. */
final class SimulatedClock {
  private final double bound;
  private final RandomGenerator random;
  private double rate;
  private double shown;
  private long sinceMs;
  private long identity;

  /**
   * @param bound by which its rate may differ from 1
   */
  SimulatedClock(double bound, RandomGenerator random) {
    this.bound = bound;
    this.random = random;
    restart(0);
  }

  /** What it shows at a true time; call with times that do not go back. */
  long at(long trueMs) {
    shown += (trueMs - sinceMs) * rate;
    sinceMs = trueMs;
    return (long) shown;
  }

  /** Which clock it is since the last boot. */
  long identity() {
    return identity;
  }

  /** Another rate, often as wrong as it may be. */
  void drift(long trueMs) {
    at(trueMs);
    double off =
        random.nextInt(3) == 0 ? 2 * random.nextDouble() - 1 : random.nextBoolean() ? 1 : -1;
    rate = 1 + off * bound;
  }

  /** The machine boots. */
  void restart(long trueMs) {
    drift(trueMs);
    identity = random.nextLong();
    shown = random.nextInt(3) == 0 ? 0 : random.nextInt(100_000);
  }
}
