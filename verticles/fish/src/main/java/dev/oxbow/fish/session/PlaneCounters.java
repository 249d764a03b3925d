package dev.oxbow.fish.session;

/**
 * Sums of a plane, a moment old.
 *
 * @param lost sessions that wait to be opened again
 * @param overruns times that the kernel's answers were missing
 * @param eventOverruns times that its events were
 */
public record PlaneCounters(
    long sessions,
    long lost,
    long clients,
    long flows,
    long resting,
    long strays,
    long overruns,
    long eventOverruns) {}
