package dev.oxbow.fish.session;

/**
 * When what is told.
 *
 * @param ageNanos of connections that are told
 * @param flushNanos between two times that changes are told
 * @param lostNanos after which a partner is held for lost whose link is down
 * @param joinNanos after which it is that was not there when this node began, or stood still
 * @param stillNanos after which this node may be held for lost itself, that stood still
 */
public record ReplicaTimes(
    long ageNanos, long flushNanos, long lostNanos, long joinNanos, long stillNanos) {}
