package dev.oxbow.service.flow;

/**
 * How the work on a flow ended. The flow is its owner's again, untouched by the data plane from
 * here on.
 *
 * @param errno the error's number with {@link EndReason#ERROR}, else 0
 * @param durationNanos from start to end
 * @param packets what became of its packets
 */
public record FlowOutcome(EndReason reason, int errno, long durationNanos, PacketCounts packets) {}
