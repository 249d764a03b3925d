package dev.oxbow.bumblebee;

import io.vertx.core.Future;

/**
 * A flow that is carried.
 *
 * @param id names it for {@link Bumblebee#abort}, and in its connections
 * @param closed its report; whoever handles it owns the flow in it
 */
public record Tunnel(String id, Future<TunnelReport> closed) {}
