package dev.oxbow.fish.session;

import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.PortSearch;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.ports.PortUses;
import dev.oxbow.fish.replica.FlowImage;
import dev.oxbow.fish.session.SessionSpec.Range;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ports taken and given back, in the table of flows and in the slices at once. Loop thread only.
 */
final class Ports {

  /** Holds ports that others than Fish have. */
  static final int NOBODY = 0;

  private final FlowTable flows;
  private final Residents residents;
  private final List<PortSlice> slices;
  private final PortSearch search;
  private PortUses uses = PortUses.unheeded();
  private @Nullable Sharing sharing;
  private long nowNanos;

  Ports(FlowTable flows, Residents residents, List<PortSlice> slices, long secret) {
    this.flows = flows;
    this.residents = residents;
    this.slices = slices;
    this.search = new PortSearch(flows, secret);
    rebuild();
  }

  /** Goes on from what the table of flows says; writes nothing there. */
  void rebuild() {
    uses.begin();
    slices.forEach(PortSlice::clear);
    for (int flow = 0; flow < flows.capacity(); flow++) {
      if (flows.state(flow) != FlowTable.FREE) {
        count(flow, 1);
        place(flow);
      }
    }
  }

  /** A partner has a say in all ports from the next thaw on. */
  void share(Sharing with) {
    sharing = with;
  }

  /**
   * Whether a packet of a connection may leave, as far as a partner has a say; one that was taken
   * over has its port from a node that was lost, and not by a loan.
   */
  boolean mayUse(int flow) {
    return sharing == null || sharing.blocks().mayUse(flow) || flows.moves(flow) > 0;
  }

  /** Whether a new connection may have the port of one that is over, likewise. */
  boolean mayRenew(int flow) {
    return (sharing == null || sharing.blocks().mayRenew(flow)) && flows.moves(flow) == 0;
  }

  /** Somebody found no port of an address: {@link Mappings#NO_PORT}. */
  int ranShort(Range range) {
    if (sharing != null) {
      sharing.ranShort(range.slice());
    }
    return Mappings.NO_PORT;
  }

  private void place(int flow) {
    Sharing with = sharing;
    PortSlice slice = with == null ? null : slice(flow);
    if (with != null && slice != null) {
      with.blocks().place(flow, slice, flows.outerPort(flow));
    } else if (with != null) {
      with.blocks().placeNowhere(flow);
    }
  }

  /** Sets who is told of ports taken and released. */
  <T extends PortUses> T heed(T heeding) {
    uses = heeding;
    return heeding;
  }

  /** Who is told of ports taken and released. */
  PortUses uses() {
    return uses;
  }

  void now(long nanos) {
    nowNanos = nanos;
    if (sharing != null) {
      sharing.now();
    }
  }

  /** A port to propose, or -1. */
  int find(
      Range range,
      boolean alone,
      int client,
      int protocol,
      int clientPort,
      long high,
      long low,
      int remotePort) {
    PortSlice slice = range.slice();
    if (alone) {
      int own = slice.portOf(protocol, client, clientPort);
      if (own >= range.first() && own <= range.last()) {
        return own;
      }
    }
    return search.find(
        slice,
        range.first(),
        range.last(),
        alone,
        client,
        protocol,
        clientPort,
        high,
        low,
        remotePort);
  }

  /** Takes a port: the flow, or -1 when the table is full. */
  int take(
      Range range,
      boolean alone,
      int client,
      int protocol,
      int clientPort,
      long high,
      long low,
      int remotePort,
      int port) {
    PortSlice slice = range.slice();
    int flow =
        flows.add(
            client, protocol, clientPort, high, low, remotePort, slice.high(), slice.low(), port);
    if (flow >= 0) {
      residents.count(client, 1);
      flows.touch(flow, nowNanos);
      slice.countUse(protocol, port, 1);
      place(flow);
      if (alone) {
        flows.setFlags(flow, FlowTable.ALONE);
        slice.setExclusive(protocol, port, client, clientPort);
      }
    }
    return flow;
  }

  /**
   * Somebody else has the port that was proposed for a flow: notes that for as long as a port
   * rests, and proposes another.
   *
   * @return the new port; -1 when there is none, or when the flow may have no other
   */
  int foreign(int flow, Range range, boolean alone) {
    int protocol = flows.protocol(flow);
    int taken = flows.outerPort(flow);
    PortSlice slice = range.slice();
    if (alone && slice.uses(protocol, taken) > 1) {
      return -1;
    }
    int port =
        search.find(
            slice,
            range.first(),
            range.last(),
            alone,
            flows.client(flow),
            protocol,
            flows.clientPort(flow),
            flows.remoteHigh(flow),
            flows.remoteLow(flow),
            flows.remotePort(flow));
    if (port < 0) {
      return ranShort(range);
    }
    slice.countUse(protocol, taken, -1);
    flows.repropose(flow, port);
    slice.countUse(protocol, port, 1);
    place(flow);
    if (alone) {
      slice.setExclusive(protocol, port, flows.client(flow), flows.clientPort(flow));
    }
    mark(
        slice,
        protocol,
        taken,
        flows.remoteHigh(flow),
        flows.remoteLow(flow),
        flows.remotePort(flow));
    return port;
  }

  /** Gives up a flow whose port somebody else has, and no other is left. */
  void releaseForeign(int flow, PortSlice slice) {
    int protocol = flows.protocol(flow);
    int taken = flows.outerPort(flow);
    long high = flows.remoteHigh(flow);
    long low = flows.remoteLow(flow);
    int remotePort = flows.remotePort(flow);
    release(flow);
    mark(slice, protocol, taken, high, low, remotePort);
  }

  /**
   * A connection is over whose port the partner has back: the port rests, and is not its client's
   * any more, who may have another one.
   */
  void restAsNobodys(int flow) {
    PortSlice slice = slice(flow);
    if (slice != null) {
      releaseForeign(flow, slice);
    }
  }

  /** Notes that somebody else has a port toward a destination: its record, or -1. */
  private int mark(PortSlice slice, int protocol, int port, long high, long low, int remotePort) {
    int marker =
        flows.add(NOBODY, protocol, port, high, low, remotePort, slice.high(), slice.low(), port);
    if (marker >= 0) {
      slice.countUse(protocol, port, 1);
      flows.setState(marker, FlowTable.RESTING);
      flows.touch(marker, nowNanos);
    }
    return marker;
  }

  /** Notes that the partner has a port of a slice toward a destination: its record, or -1. */
  int mark(FlowImage theirs) {
    for (PortSlice slice : slices) {
      if (slice.contains(theirs.outerHigh(), theirs.outerLow(), theirs.outerPort())) {
        return mark(
            slice,
            theirs.protocol(),
            theirs.outerPort(),
            theirs.remoteHigh(),
            theirs.remoteLow(),
            theirs.remotePort());
      }
    }
    return -1;
  }

  /** Who has the port that a connection of the partner's has, resting ones included, or -1. */
  int owner(FlowImage theirs) {
    return flows.owner(
        theirs.outerHigh(),
        theirs.outerLow(),
        theirs.protocol(),
        theirs.outerPort(),
        theirs.remoteHigh(),
        theirs.remoteLow(),
        theirs.remotePort());
  }

  /** Gives a flow's port back, and its client's number with the last of its flows. */
  void release(int flow) {
    int client = flows.client(flow);
    uses.released(flow);
    count(flow, -1);
    flows.remove(flow);
    if (client != NOBODY) {
      residents.count(client, -1);
      residents.removeIdle(client);
    }
  }

  /**
   * An entry of the kernel's is not in the table: nobody gets its port for as long as a port rests.
   */
  void rest(int protocol, long outerHigh, long outerLow, int port, ConntrackTuple original) {
    long high = original.destinationHigh();
    long low = original.destinationLow();
    int remotePort = original.destinationPort();
    for (PortSlice slice : slices) {
      if (slice.contains(outerHigh, outerLow, port)
          && flows.owner(outerHigh, outerLow, protocol, port, high, low, remotePort) < 0) {
        mark(slice, protocol, port, high, low, remotePort);
      }
    }
  }

  /** Whether the port of a flow is one that is granted. */
  boolean granted(int flow) {
    return slice(flow) != null;
  }

  private @Nullable PortSlice slice(int flow) {
    for (PortSlice slice : slices) {
      if (slice.contains(flows.outerHigh(flow), flows.outerLow(flow), flows.outerPort(flow))) {
        return slice;
      }
    }
    return null;
  }

  /** A slice that is not granted any more counts nothing. */
  private void count(int flow, int change) {
    PortSlice slice = slice(flow);
    if (slice != null) {
      slice.countUse(flows.protocol(flow), flows.outerPort(flow), change);
      if (change > 0 && (flows.flags(flow) & FlowTable.ALONE) != 0) {
        slice.setExclusive(
            flows.protocol(flow),
            flows.outerPort(flow),
            flows.client(flow),
            flows.clientPort(flow));
      }
    }
  }
}
