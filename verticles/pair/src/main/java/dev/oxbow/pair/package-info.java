/**
 * Two nodes that share addresses and their ports, and never use a five-tuple both.
 *
 * <p><b>Goal.</b> No five-tuple is given out by both nodes at any time, and between the last packet
 * of one and the first of the other it rests, whatever the network between them does: messages
 * lost, late, doubled, out of order, either direction cut for however long; whatever restarts, with
 * or without memory; clocks that run apart, up to a bound. Two nodes have no majority, so nothing
 * here asks for one.
 *
 * <p><b>Home.</b> Ports are shared by blocks of 64. Each has a home, by arithmetic on the port:
 * even blocks are the first node's, odd ones the second's. Nobody else gives out its ports, but for
 * a loan, and only the home lends. Cut off from one another, each goes on with what it has.
 *
 * <p><b>A loan</b> is of one block that has neither connections nor ports that rest; it has a
 * number that no other loan ever has (its epoch), and it ends by time. It begins, for the borrower,
 * when it sent its request, and for the home later, when that came: so the borrower's ends first,
 * however long messages take, and no clock has to show the same as the other. Both allow for clocks
 * that are too fast or too slow. The home has its block again when the loan and the quarantine are
 * over, or when the borrower says that it has gone back.
 *
 * <p><b>Live connections at a loan's end.</b> While the link works, a loan is renewed as long as
 * the block has connections or ports that rest; where the nodes lend for different times, for the
 * shorter one. When it cannot be renewed, new connections stop first (the drain), and at the end
 * those that still live are cut off, all on one's own clock, before the home may use their ports: a
 * node that cannot reach the other cannot know that it is dead. So ports of a node's own blocks are
 * given out first; only what exceeds them is at risk in a long partition.
 *
 * <p><b>Answers.</b> A borrower takes a block only on the first answer to a request that this very
 * process sent and still waits for, and a renewed loan only while it holds it. What comes back is
 * believed only with the epoch of the loan that stands. That is all it takes against copies and
 * stragglers.
 *
 * <p><b>Memory.</b> A successor (an upgrade, or a start after a crash that left the file) goes on
 * as the process before it did; requests under way are forgotten, and what is lent on them comes
 * back. Without memory a node has borrowed nothing, and ends at once what connections the kernel
 * still has on the partner's blocks, but for those that were taken over from it; of its own blocks
 * it uses those that have connections (only unused ones are ever lent), and the others after the
 * partner has told what it holds, or, when that does not answer, after the longest loan and its
 * rest. Both without memory wait for a quarantine.
 *
 * <p><b>What it relies on.</b> Clocks within the bound; and a process that looks at its clock and
 * then stands still does so for less than the quarantine before what it had decided goes out.
 */
@NullMarked
package dev.oxbow.pair;

import org.jspecify.annotations.NullMarked;
