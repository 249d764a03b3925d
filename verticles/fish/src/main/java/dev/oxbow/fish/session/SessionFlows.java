package dev.oxbow.fish.session;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import org.jspecify.annotations.Nullable;

/** The connections of whole sessions: found, taken up, ended. Loop thread only. */
final class SessionFlows {
  private final ClientTable clients;
  private final FlowTable flows;
  private final Residents residents;
  private final Mappings mappings;

  SessionFlows(Tables tables, Residents residents, Mappings mappings) {
    this.clients = tables.clients();
    this.flows = tables.flows();
    this.residents = residents;
    this.mappings = mappings;
  }

  /**
   * The connections of a lost session are another's from here on, but for those that may not leave
   * from their ports any more.
   *
   * @return how many
   */
  int resume(long lost, Session session) {
    int resumed = 0;
    for (int flow = 0; flow < flows.capacity(); flow++) {
      if (!isLiveOf(flow, lost)) {
        continue;
      }
      if (session.spec.allows(flows.outerHigh(flow), flows.outerLow(flow), flows.outerPort(flow))) {
        resumed++;
      } else {
        mappings.forget(flow);
      }
    }
    mappings.settle();
    residents.move(lost, session);
    return resumed;
  }

  /** All connections of a session are over. */
  void dissolve(long session) {
    for (int flow = 0; flow < flows.capacity(); flow++) {
      if (isLiveOf(flow, session)) {
        mappings.forget(flow);
      }
    }
    mappings.settle();
    residents.leave(session);
  }

  private boolean isLiveOf(int flow, long session) {
    return flows.state(flow) == FlowTable.LIVE && clients.session(flows.client(flow)) == session;
  }

  /** Who has an outer address and port toward a destination; null for nobody. */
  SessionPlane.@Nullable Owner lookup(
      int protocol, long outerHigh, long outerLow, int port, long high, long low, int remotePort) {
    int flow = flows.owner(outerHigh, outerLow, protocol, port, high, low, remotePort);
    if (flow < 0 || flows.state(flow) != FlowTable.LIVE) {
      return null;
    }
    int client = flows.client(flow);
    Session session = residents.session(client);
    if (session == null) {
      return null;
    }
    boolean ported = protocol == IpProtocol.TCP || protocol == IpProtocol.UDP;
    String text =
        ported
            ? SocketAddresses.text(
                clients.high(client), clients.low(client), flows.clientPort(flow))
            : Prefix.text(clients.high(client), clients.low(client));
    return new SessionPlane.Owner(session, text, flows.sinceMs(flow));
  }
}
