package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.descriptor.Pipe;
import org.jspecify.annotations.Nullable;

/**
 * What a relay is to do. The sockets' descriptors are owned by whoever attaches the relay, and stay
 * open until it has finished.
 *
 * @param id not 0; the lower bits choose the group
 * @param uid whose relay it is
 * @param guarded whether the sockets' flags must not be relied on, because their owner is not
 *     trusted with the loop
 * @param a a connected stream socket
 * @param b another
 * @param tcpA whether a is TCP
 * @param tcpB whether b is TCP
 * @param flagsA file status flags that a gets back
 * @param flagsB file status flags that b gets back
 * @param preludeToA a pipe filled with what is written to a first; the relay takes it over
 * @param preludeToABytes how much is in it
 * @param preludeToB likewise for b
 * @param preludeToBBytes how much is in it
 * @param idleTimeoutMs 0 for none, as in all limits
 */
public record RelaySpec(
    long id,
    long uid,
    boolean guarded,
    int a,
    int b,
    boolean tcpA,
    boolean tcpB,
    int flagsA,
    int flagsB,
    @Nullable Pipe preludeToA,
    int preludeToABytes,
    @Nullable Pipe preludeToB,
    int preludeToBBytes,
    long idleTimeoutMs,
    long halfCloseTimeoutMs,
    long maxDurationMs,
    long maxBytes) {}
