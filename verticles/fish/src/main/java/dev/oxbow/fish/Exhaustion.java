package dev.oxbow.fish;

/**
 * A session had no port left toward a destination: the packet was answered by an ICMP error or
 * dropped, and counted.
 *
 * @param session its id
 * @param address that the session's packets leave from
 * @param ports that the session may use, such as {@code 20000-20999}
 * @param destination address and port
 */
public record Exhaustion(String session, String address, String ports, String destination) {}
