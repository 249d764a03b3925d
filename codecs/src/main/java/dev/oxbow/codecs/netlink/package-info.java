/**
 * Netlink messages (RFC 3549, netlink(7), include/uapi/linux/netlink.h) in memory of the caller:
 * writers and readers that allocate nothing per message, for links, addresses and routes, for the
 * kernel's sockets, and for conntrack. A cursor belongs to one thread at a time.
 */
@NullMarked
package dev.oxbow.codecs.netlink;

import org.jspecify.annotations.NullMarked;
