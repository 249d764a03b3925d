package dev.oxbow.fish;

import io.vertx.core.Future;

/**
 * A flow that is carried.
 *
 * @param id names it for {@link Fish#abort}
 * @param resumed connections that it has taken over from the lost session of the same name
 * @param closed its report; whoever handles it owns the flow in it
 */
public record EgressSession(String id, long resumed, Future<SessionReport> closed) {}
