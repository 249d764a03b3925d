package dev.oxbow.fish.session;

import java.util.Map;

/**
 * How a session ended. The flow is its owner's again, untouched from here on.
 *
 * @param errno the error's number with {@link EndReason#ERROR}, else 0
 */
public record SessionOutcome(EndReason reason, int errno, long durationNanos, Packets packets) {

  /**
   * Counters of a session.
   *
   * @param in that came from the flow
   * @param out that the flow took
   * @param dropped by {@link DropReason#wireName}; reasons without any are left out
   */
  public record Packets(long in, long out, Map<String, Long> dropped) {}
}
