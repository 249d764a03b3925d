package dev.oxbow.handoff.upgrade;

/**
 * How long an upgrade may take before it is given up.
 *
 * @param deadlineMs without progress, while nothing is paused
 * @param groupDeadlineMs for one group to change hands, and for each step while requests wait
 */
public record UpgradeLimits(int deadlineMs, int groupDeadlineMs) {

  /** What holds where nothing else is configured. */
  public static final UpgradeLimits DEFAULT = new UpgradeLimits(15_000, 500);

  /** For a step in which requests wait but data move. */
  int copyDeadlineMs() {
    return Math.min(deadlineMs, 10 * groupDeadlineMs);
  }

  /** How long the one that was overruled waits for its end: the other acts at once if it can. */
  int graceMs() {
    return 2 * groupDeadlineMs;
  }

  /** When the successor takes the predecessor for hanging: later than the other way round. */
  int silenceMs() {
    return 4 * groupDeadlineMs;
  }
}
