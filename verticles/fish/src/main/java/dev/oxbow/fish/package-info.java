/**
 * Fish: packets of many clients leave this machine from an address and a slice of ports that were
 * asked for, and the replies come back.
 *
 * <p><b>Goal.</b> A flow of IP packets leaves with exactly the address and the ports that its owner
 * named, each connection with a five-tuple that nobody else in the network namespace has; or it
 * does not leave at all, and somebody is told. Never silently from another port.
 *
 * <p><b>How.</b> A tun in the namespace ({@code fish0}) has a route for a pool of inner addresses.
 * Each client address of each session gets one of them, so that clients with equal addresses never
 * meet. The first packet of a connection makes Fish pick a port and insert a conntrack entry that
 * translates to it; then the packet is written to the tun with the inner address as its source, and
 * the kernel routes, translates and sends it. A reply is translated back by the kernel, routed to
 * the tun, rewritten to the client's address, and put into the flow.
 *
 * <p><b>Who decides.</b> The kernel does: an insertion whose five-tuple belongs to another is
 * refused atomically (EEXIST), and Fish tries the next port. The tables of this process only
 * propose. They lie in memory that can be handed over; what outlives a crash is what the kernel
 * has.
 *
 * <p><b>Closed when in doubt.</b> The rules of {@code fish.nft} drop whatever comes from the tun
 * without a mapping, whatever comes to a slice without one, and whatever leaves the address from a
 * port outside the slice that it was bound to. They stay after a crash.
 *
 * <p><b>Upgrades.</b> Sessions, clients and flows are records in files that both processes map.
 * Since all packets come through one tun, all sessions are paused and go on as one; the successor
 * builds its indexes from the records, and asks the kernel about what it cannot know.
 *
 * <p><b>After a crash</b> the kernel still has the entries, and the files are still there. The next
 * start brings both into step. The connections of a session with a stable name wait for whoever
 * opens it again; those of others end, and their ports rest.
 *
 * <p><b>Who had which port</b> is written down by blocks, where the configuration wants it, on a
 * thread of its own: see {@code attribution}. What a caller codes against is {@link
 * dev.oxbow.fish.Fish}.
 */
@NullMarked
package dev.oxbow.fish;

import org.jspecify.annotations.NullMarked;
