package dev.oxbow.fish;

import dev.oxbow.codecs.control.RawJson;

/**
 * Who has a port toward a destination.
 *
 * @param session its id
 * @param client address and port in the flow's packets, such as {@code 10.0.0.2:40000}
 * @param metadata of the session, as given
 * @param sinceMs when the connection began, milliseconds since 1970
 */
public record PortOwner(String session, String client, RawJson metadata, long sinceMs) {}
