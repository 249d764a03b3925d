package dev.oxbow.fish.session;

import static dev.oxbow.fish.ports.FlowTable.ALONE;
import static dev.oxbow.fish.ports.FlowTable.AWAY;
import static dev.oxbow.fish.ports.FlowTable.LIVE;
import static dev.oxbow.fish.ports.FlowTable.UNMAPPED;

import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.replica.FlowImage;
import dev.oxbow.fish.replica.FlowReplica;
import dev.oxbow.fish.replica.SessionName;
import dev.oxbow.fish.session.SessionSpec.Range;
import org.jspecify.annotations.Nullable;

/**
 * Connections of a partner that is lost go on here, with their ports. The table has them at once;
 * the kernel gets them some in each turn, and one whose client sends does not wait for that. Loop
 * thread only.
 */
final class TakeOver {

  /** Entries that are made in one turn. */
  private static final int TURN_FLOWS = 4 * Conntrack.BATCH;

  /** Records that are looked at in one turn. */
  private static final int TURN_LOOKS = 1 << 14;

  private final FlowTable flows;
  private final Residents residents;
  private final Ports ports;
  private final Mappings mappings;
  private final FlowReplica replica;

  /** Where the search for connections without an entry is, and how much of it is to be done. */
  private int next;

  private int left;
  private long taken;
  private long refused;

  TakeOver(
      FlowTable flows, Residents residents, Ports ports, Mappings mappings, FlowReplica replica) {
    this.flows = flows;
    this.residents = residents;
    this.ports = ports;
    this.mappings = mappings;
    this.replica = replica;
  }

  /**
   * Gives a session the connections that the lost partner had under its name, but for those whose
   * ports it may not have.
   *
   * @return how many
   */
  int claim(Session session, long nowNanos) {
    SessionName name = session.spec.owner().shared();
    int theirs = name == null ? -1 : replica.find(name);
    if (theirs < 0) {
      return 0;
    }
    int count = 0;
    for (int each = replica.first(theirs); each >= 0; each = replica.next(each)) {
      if (take(replica.read(each), session, nowNanos)) {
        count++;
      } else {
        refused++;
      }
    }
    replica.removeSession(theirs);
    taken += count;
    left = flows.capacity();
    return count;
  }

  private boolean take(FlowImage theirs, Session session, long nowNanos) {
    Range range = range(session.spec, theirs);
    if (range == null) {
      return false;
    }
    int before = ports.owner(theirs);
    if (before >= 0) {
      if ((flows.flags(before) & AWAY) == 0) {
        return false;
      }
      // It was this node's in the first place, and comes home.
      ports.release(before);
    }
    int client = residents.client(session, theirs.clientHigh(), theirs.clientLow());
    if (client < 0) {
      return false;
    }
    int flow = record(range, client, theirs);
    if (flow >= 0) {
      flows.setFlags(flow, theirs.flags() | UNMAPPED);
      flows.setScaleClient(flow, theirs.scaleClient());
      flows.setScaleServer(flow, theirs.scaleServer());
      flows.setMoves(flow, theirs.moves() + 1);
      flows.setSinceMs(flow, theirs.sinceMs());
      flows.touch(flow, nowNanos);
      flows.setState(flow, LIVE);
      ports.uses().taken(flow);
    }
    residents.removeIdle(client);
    return flow >= 0;
  }

  private int record(Range range, int client, FlowImage theirs) {
    int protocol = theirs.protocol();
    long high = theirs.remoteHigh();
    long low = theirs.remoteLow();
    boolean known =
        flows.find(client, protocol, theirs.clientPort(), high, low, theirs.remotePort()) >= 0;
    return known
        ? -1
        : ports.take(
            range,
            (theirs.flags() & ALONE) != 0,
            client,
            protocol,
            theirs.clientPort(),
            high,
            low,
            theirs.remotePort(),
            theirs.outerPort());
  }

  private static @Nullable Range range(SessionSpec spec, FlowImage theirs) {
    for (Range range : spec.egress()) {
      if (range.contains(theirs.outerHigh(), theirs.outerLow(), theirs.outerPort())) {
        return range;
      }
    }
    return null;
  }

  /** Goes on with what another process has taken over. */
  void thaw() {
    left = flows.capacity();
  }

  /**
   * Makes some entries.
   *
   * @return whether there is more to do, for which another turn is to be soon
   */
  boolean turn() {
    int made = 0;
    for (int looks = 0; left > 0 && looks < TURN_LOOKS && made < TURN_FLOWS; looks++) {
      if (flows.moves(next) > 0
          && flows.state(next) == LIVE
          && (flows.flags(next) & UNMAPPED) != 0) {
        mappings.resume(next);
        made++;
      }
      next = next + 1 == flows.capacity() ? 0 : next + 1;
      left--;
    }
    if (made > 0) {
      mappings.settle();
    }
    return left > 0;
  }

  /** Connections that were taken over. */
  long taken() {
    return taken;
  }

  /** Connections that could not be: no record, or no right to their ports any more. */
  long refused() {
    return refused;
  }
}
