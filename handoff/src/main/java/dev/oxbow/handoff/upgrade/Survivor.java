package dev.oxbow.handoff.upgrade;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the other process, so that one of the two is left and goes on. Both may want that in the
 * same moment, when both had to wait: each then kills the other, and nobody is left. So the right
 * to it is claimed first, in the memory that both map. Whoever comes second waits for its own end;
 * if that does not come for as long as an upgrade may stand still, the first one hangs and has lost
 * its claim.
 */
final class Survivor {
  private static final Logger log = LoggerFactory.getLogger(Survivor.class);

  /** A step of {@link Faults}: the claim is taken, the other is not ended yet. */
  private static final int CLAIMED = 3;

  private Survivor() {}

  /**
   * Comes back when the other process has ended, however long the kernel takes for that: both must
   * never work.
   *
   * @param own which of the two this process is
   * @param decision null when the other has none yet, and so will not end this process
   */
  static void remain(
      Side own, Peer other, @Nullable Decision decision, UpgradeLimits limits, Faults faults) {
    if (decision != null && !mayEnd(own, other, decision, limits, faults)) {
      return;
    }
    while (true) {
      try {
        other.kill();
        return;
      } catch (IllegalStateException e) {
        log.error("cannot go on yet: {}", e.getMessage());
      }
    }
  }

  /** False when the other has ended by itself. */
  private static boolean mayEnd(
      Side own, Peer other, Decision decision, UpgradeLimits limits, Faults faults) {
    if (!decision.claim(own)) {
      log.warn("{} is about to end this process", other);
      if (other.endsWithin(limits.deadlineMs())) {
        return false;
      }
      log.warn("{} has not done so within {} ms: it hangs", other, limits.deadlineMs());
      decision.seize(own);
    }
    faults.at(Stage.COMMIT, CLAIMED);
    // If this process was the one that hung, it is not to do now what it wanted to do then.
    return decision.claim(own) || !other.endsWithin(limits.deadlineMs());
  }
}
