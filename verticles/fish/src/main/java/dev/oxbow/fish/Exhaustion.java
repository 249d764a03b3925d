package dev.oxbow.fish;

/**
 * A session had no port left toward a destination: the packet was dropped and counted, and its
 * client was told by ICMP, host unreachable, unless it is told so too often. What quotas refuse is
 * not told here. At most one a second for each session, so it says when, and not how often.
 *
 * @param session its id, as {@link EgressSession#id()} has it
 * @param address the first of the session's that is of the destination's version of IP
 * @param ports of that address that the session may use, such as {@code 20000-20999}
 * @param destination address and port, such as {@code 198.51.100.9:443} or {@code
 *     [2001:db8::9]:443}; of an ICMP echo the port is 0
 */
public record Exhaustion(String session, String address, String ports, String destination) {}
