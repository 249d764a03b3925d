package dev.oxbow.fish.session;

/**
 * What two nodes have told one another of their connections, a moment ago.
 *
 * @param partner what is known of the other node
 * @param waits whether nothing leaves, and no session opens, until it is known what the partner has
 *     taken over
 * @param replicated connections of this node that the partner knows
 * @param kept connections of the partner's that go on here should it be lost
 * @param keptSessions sessions that these are of
 * @param told connections, as often as each was told
 * @param ends of connections that were told
 * @param bytes that were sent
 * @param taken connections that were taken over from the partner
 * @param refused connections that could not be
 * @param gone connections that the partner had taken over
 * @param repeats times that everything was to be told again
 */
public record ReplicaCounters(
    PartnerState partner,
    boolean waits,
    long replicated,
    long kept,
    long keptSessions,
    long told,
    long ends,
    long bytes,
    long taken,
    long refused,
    long gone,
    long repeats) {}
