package dev.oxbow.fish.replica;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowChanges;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.handoff.state.StateTable;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Tables of a Fish that tells of its connections, and what it has told. */
final class Teller implements AutoCloseable, FlowExport.Outlet {
  static final int FLOWS = 3000;
  static final int SESSIONS = 20;
  static final long OUTER = 0xffff_cb00_7107L;
  static final long SERVER = 0xffff_c633_6409L;

  final ClientTable clients =
      new ClientTable(StateTable.open("clients", ClientTable.layout(SESSIONS + 1)));
  final FlowTable flows;
  final Queue<byte[]> sent = new ArrayDeque<>();
  final FlowExport export;
  boolean ready = true;
  private long nowNanos;
  private final Map<Integer, SharedSession> owners = new HashMap<>();

  Teller(boolean ageless) {
    flows = new FlowTable(StateTable.open("flows", FlowTable.layout(FLOWS)), clients);
    export = new FlowExport(flows, clients, new FlowChanges(FLOWS, ageless), this::owner, SESSIONS);
  }

  private @Nullable SharedSession owner(int client) {
    return owners.get(client);
  }

  static SessionName name(int slot) {
    return new SessionName(slot, slot % 2 == 0 ? null : "app" + slot, "session-" + slot);
  }

  /** A client of a new session, which has that place in the ledger. */
  int open(int slot) {
    int client = clients.add(slot + 1, 0, 0, 0xffff_0a00_0002L + slot);
    owners.put(client, new SharedSession(slot, name(slot)));
    return client;
  }

  /** A session of one client is over, and its connections with it. */
  void end(int client) {
    SharedSession session = owners.remove(client);
    export.over(session);
    for (int flow = 0; flow < FLOWS; flow++) {
      if (flows.state(flow) != FlowTable.FREE && flows.client(flow) == client) {
        flows.remove(flow);
      }
    }
    clients.remove(client);
  }

  /** A connection that was answered. */
  int connect(int client, int port) {
    int flow =
        flows.add(client, IpProtocol.TCP, port, 0, SERVER, 443, 0, OUTER, 20_000 + port % 40_000);
    flows.setSinceMs(flow, 1_700_000_000_000L + port);
    flows.setState(flow, FlowTable.LIVE);
    flows.setFlags(flow, FlowTable.ANSWERED);
    flows.setScaleClient(flow, port % 15);
    flows.setScaleServer(flow, 7);
    return flow;
  }

  /** As long as it takes until what is young is due. */
  void growOld() {
    nowNanos += TimeUnit.SECONDS.toNanos(10);
    export.age(nowNanos, TimeUnit.SECONDS.toNanos(1));
  }

  /** Tells all that is due. */
  void tell() {
    while (export.turn()) {
      // Some in each turn.
    }
  }

  @Override
  public boolean isReady() {
    return ready;
  }

  @Override
  public void send(byte[] message) {
    sent.add(message);
  }

  @Override
  public void close() {
    flows.close();
    clients.close();
  }
}
