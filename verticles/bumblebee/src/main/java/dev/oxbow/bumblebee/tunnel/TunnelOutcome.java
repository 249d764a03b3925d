package dev.oxbow.bumblebee.tunnel;

import java.util.Map;

/**
 * How a tunnel ended. The flow is its owner's again, untouched by the plane from here on.
 *
 * @param errno the error's number with {@link EndReason#ERROR}, else 0
 * @param durationNanos from start to end
 * @param packets what became of its packets
 */
public record TunnelOutcome(EndReason reason, int errno, long durationNanos, Packets packets) {

  /**
   * Counters of a tunnel. A super-packet counts as one.
   *
   * @param in that came from the flow
   * @param out that the flow took
   * @param dropped by {@link DropReason#wireName}; reasons without any are left out
   */
  public record Packets(long in, long out, Map<String, Long> dropped) {

    /** All that were dropped, for whatever reason. */
    public long droppedInAll() {
      return dropped.values().stream().mapToLong(Long::longValue).sum();
    }
  }
}
