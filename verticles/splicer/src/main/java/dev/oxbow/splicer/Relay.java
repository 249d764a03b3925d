package dev.oxbow.splicer;

import io.vertx.core.Future;

/**
 * A relay that was started.
 *
 * @param id names it for {@link Splicer#abort}
 * @param finished its report; whoever handles it owns the sockets in it
 */
public record Relay(String id, Future<SpliceReport> finished) {}
