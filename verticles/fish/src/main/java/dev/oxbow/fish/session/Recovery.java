package dev.oxbow.fish.session;

import dev.oxbow.codecs.netlink.ConntrackReader;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.fish.conntrack.ConntrackDump;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Brings into step what a process that is gone has left: its tables and the kernel's entries.
 * Sessions with a stable name are lost and wait, with their connections; of the others nothing
 * stays but ports that rest. Before anything is carried; one thread.
 */
final class Recovery {
  private final SessionLedger ledger;
  private final ClientTable clients;
  private final FlowTable flows;
  private final Residents residents;
  private final Mappings mappings;
  private final Ports ports;
  private final Set<Long> waiting = new HashSet<>();
  private final BitSet known;
  private final List<Stray> strays = new ArrayList<>();

  /** An entry that no flow has. */
  private record Stray(ConntrackTuple original, long outerHigh, long outerLow, int outerPort) {}

  Recovery(Tables tables, Residents residents, Mappings mappings, Ports ports) {
    this.ledger = tables.sessions();
    this.clients = tables.clients();
    this.flows = tables.flows();
    this.residents = residents;
    this.mappings = mappings;
    this.ports = ports;
    this.known = new BitSet(flows.capacity());
  }

  /**
   * Does it. Blocks.
   *
   * @param mark of the entries
   */
  void run(ConntrackDump dump, int mark, long nowNanos) {
    dump.marked(mark, this::entry);
    sessions(nowNanos);
    for (int flow = 0; flow < flows.capacity(); flow++) {
      flow(flow);
    }
    for (Stray stray : strays) {
      mappings.forget(stray.original);
      ports.rest(
          stray.original.protocol(),
          stray.outerHigh,
          stray.outerLow,
          stray.outerPort,
          stray.original);
    }
    mappings.settle();
    Set<Long> gone = new HashSet<>();
    for (int client = 1; client < clients.capacity(); client++) {
      long id = clients.session(client);
      if (id != 0 && id != ClientTable.NOBODY && !waiting.contains(id)) {
        gone.add(id);
      }
    }
    residents.leave(gone);
  }

  private void entry(ConntrackReader entry) {
    int flow = mappings.find(entry.original());
    if (flow >= 0) {
      known.set(flow);
      return;
    }
    ConntrackTuple original = entry.original();
    ConntrackTuple copy =
        new ConntrackTuple()
            .of(original.version(), original.protocol())
            .source(original.sourceHigh(), original.sourceLow(), original.sourcePort())
            .destination(
                original.destinationHigh(), original.destinationLow(), original.destinationPort());
    ConntrackTuple reply = entry.reply();
    strays.add(
        new Stray(
            copy,
            reply.destinationHigh(),
            reply.destinationLow(),
            reply.isIcmp() ? reply.sourcePort() : reply.destinationPort()));
  }

  private void sessions(long nowNanos) {
    for (SessionRecord record : ledger.records()) {
      if (record.id() == 0) {
        continue;
      }
      if (record.reason() != null || record.owner().name() == null) {
        record.clear();
        continue;
      }
      waiting.add(record.id());
      if (!record.isLost()) {
        record.lost(nowNanos);
      }
    }
  }

  private void flow(int flow) {
    int state = flows.state(flow);
    if (state == FlowTable.PROPOSED) {
      mappings.forget(flow);
    } else if (state == FlowTable.LIVE) {
      if (!waiting.contains(clients.session(flows.client(flow))) || !ports.granted(flow)) {
        mappings.forget(flow);
      } else if (!known.get(flow)) {
        mappings.doubt(flow);
      }
    }
  }
}
