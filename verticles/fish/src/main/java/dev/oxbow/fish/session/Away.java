package dev.oxbow.fish.session;

import static dev.oxbow.fish.ports.FlowTable.AWAY;
import static dev.oxbow.fish.ports.FlowTable.LIVE;
import static dev.oxbow.fish.ports.FlowTable.RESTING;

import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.replica.FlowImage;
import dev.oxbow.service.flow.EndReason;

/**
 * Connections of this node that the partner has taken over, while it held this node for lost: they
 * are over here, and their sessions with them. Nobody gets their ports toward their destinations
 * until the partner has told that they are over, and they have rested. Loop thread only.
 */
final class Away {
  private final FlowTable flows;
  private final ClientTable clients;
  private final Residents residents;
  private final Ports ports;
  private final Mappings mappings;
  private final Carrier.Ends ends;
  private long gone;

  Away(
      FlowTable flows,
      ClientTable clients,
      Residents residents,
      Ports ports,
      Mappings mappings,
      Carrier.Ends ends) {
    this.flows = flows;
    this.clients = clients;
    this.residents = residents;
    this.ports = ports;
    this.mappings = mappings;
    this.ends = ends;
  }

  /** The partner has one that was this node's, or is to it as if it was. */
  void moved(FlowImage theirs, long nowNanos) {
    int flow = ports.owner(theirs);
    if (flow < 0) {
      flow = ports.mark(theirs);
    } else if (flows.state(flow) == LIVE) {
      if (flows.moves(flow) >= theirs.moves()) {
        // This node has taken it over since; that is for the partner to hear.
        return;
      }
      Session session = residents.session(flows.client(flow));
      boolean same = isClient(flows.client(flow), flow, theirs);
      mappings.forget(flow);
      // Who has got the port of one that was over here keeps its session.
      if (session != null && same) {
        ends.end(session, EndReason.ERROR, Errno.ESTALE);
      }
    }
    if (flow >= 0 && flows.state(flow) == RESTING) {
      // The first one that is told ends the session, and all others with it.
      gone += (flows.flags(flow) & AWAY) == 0 ? 1 : 0;
      flows.setMoves(flow, theirs.moves());
      flows.setFlags(flow, flows.flags(flow) | AWAY);
      flows.touch(flow, nowNanos);
    }
  }

  private boolean isClient(int client, int flow, FlowImage theirs) {
    return clients.high(client) == theirs.clientHigh()
        && clients.low(client) == theirs.clientLow()
        && flows.clientPort(flow) == theirs.clientPort();
  }

  /** One that the partner had is over. */
  void ended(FlowImage theirs, long nowNanos) {
    int flow = ports.owner(theirs);
    if (flow >= 0 && (flows.flags(flow) & AWAY) != 0) {
      flows.setFlags(flow, flows.flags(flow) & ~AWAY);
      flows.touch(flow, nowNanos);
    }
  }

  /** Connections that had gone, this node's or not. */
  long gone() {
    return gone;
  }
}
