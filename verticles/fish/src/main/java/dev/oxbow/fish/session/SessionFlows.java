package dev.oxbow.fish.session;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.partner.Partner;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.ports.SharedBlocks;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The connections of whole sessions: found, taken up, ended. Those of a session that is over are
 * nobody's at once, and end some in each turn of the loop, so that packets of others do not wait;
 * whoever goes on with the tables goes on with that. So do those whose ports a partner has back.
 * Loop thread only.
 */
final class SessionFlows {

  /** Records that are looked at in one turn. */
  static final int LOOKS = 1 << 14;

  /** Connections that end in one turn: four requests to the kernel. */
  static final int ENDS = 4 * Conntrack.BATCH;

  private final DescriptorLoop loop;
  private final Tables tables;
  private final ClientTable clients;
  private final FlowTable flows;
  private final Residents residents;
  private final Mappings mappings;
  private final Ports ports;
  private @Nullable Sharing sharing;

  /** Where the search for nobody's connections is, and how much of it is to be done. */
  private int next;

  private int left;
  private boolean scheduled;
  private boolean frozen = true;
  private @Nullable Partnership partnership;

  SessionFlows(
      DescriptorLoop loop, Tables tables, Residents residents, Mappings mappings, Ports ports) {
    this.loop = loop;
    this.tables = tables;
    this.clients = tables.clients();
    this.flows = tables.flows();
    this.residents = residents;
    this.mappings = mappings;
    this.ports = ports;
  }

  /** A partner has a say in all ports from the next thaw on. */
  <T extends Partner> T share(
      Partner.Source<T> source, List<PortSlice> slices, boolean remembered, LongSupplier clock) {
    SharedBlocks blocks = new SharedBlocks(slices, flows.capacity());
    Sharing made =
        new Sharing(blocks, tables, remembered, clock, this::dissolveSoon, () -> beganHere(blocks));
    sharing = made;
    ports.share(made);
    return made.with(source.over(made));
  }

  private BitSet beganHere(SharedBlocks blocks) {
    BitSet began = new BitSet();
    for (int flow = 0; flow < flows.capacity(); flow++) {
      boolean own = flows.client(flow) != Ports.NOBODY && flows.moves(flow) == 0;
      if (own && flows.state(flow) == FlowTable.LIVE && ports.granted(flow)) {
        began.set(blocks.block(flow));
      }
    }
    return began;
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
        flows.changed(flow);
      } else {
        mappings.forget(flow);
      }
    }
    mappings.settle();
    residents.move(lost, session);
    return resumed;
  }

  /** Those of a partner that is lost may go on here. */
  Partnership pair(
      ReplicaTimes times,
      Sweep sweep,
      Supplier<Collection<Session>> sessions,
      Carrier.Ends ends,
      LongSupplier clock) {
    Partnership with =
        new Partnership(
            loop, tables, times, residents, ports, mappings, sweep, sessions, ends, clock);
    partnership = with;
    return with;
  }

  /** The connections that a lost partner had under a session's name are that's: how many. */
  int claim(Session session, long nowNanos) {
    return partnership == null ? 0 : partnership.claim(session, nowNanos);
  }

  /** Another process may go on from here on, or this one alone does. */
  void share(boolean shared) {
    if (partnership != null) {
      partnership.share(shared);
    }
  }

  /** Why a session may not be opened now; null when it may. */
  @Nullable String hindrance(SessionSpec.Owner owner) {
    return partnership == null ? null : partnership.hindrance(owner.shared());
  }

  /** There is a session, which is returned. */
  Session opened(Session session) {
    if (partnership != null) {
      partnership.opened(session);
    }
    return session;
  }

  /** All connections of a session are over. */
  void dissolve(Session session) {
    if (partnership != null) {
      partnership.over(session);
    }
    residents.leave(session);
    dissolve();
  }

  /** All connections of sessions that nobody has are over, and so are the records of those. */
  void dissolve(List<SessionRecord> lost) {
    if (!lost.isEmpty()) {
      residents.leave(lost.stream().map(SessionRecord::id).collect(Collectors.toSet()));
      lost.forEach(SessionRecord::clear);
      dissolve();
    }
  }

  private void dissolve() {
    left = flows.capacity();
    if (!scheduled) {
      some();
    }
  }

  private void dissolveSoon() {
    left = flows.capacity();
    later();
  }

  /** Touches no table any more. */
  void freeze() {
    frozen = true;
    if (sharing != null) {
      sharing.freeze();
    }
    if (partnership != null) {
      partnership.freeze();
    }
  }

  /** Goes on with what is to end; residents are known. Before any packet. */
  void thaw(Collection<Session> sessions) {
    frozen = false;
    if (sharing != null) {
      sharing.thaw();
    }
    if (partnership != null) {
      sessions.forEach(partnership::opened);
      partnership.thaw();
    }
    dissolveSoon();
  }

  /** Time passes. */
  void tick() {
    if (sharing != null) {
      sharing.tick();
    }
    waits();
  }

  /** Whether nothing may leave for now. */
  boolean waits() {
    return partnership != null && partnership.waits();
  }

  private void later() {
    if (!scheduled) {
      scheduled = true;
      loop.schedule(this::turn, 0);
    }
  }

  private void turn() {
    scheduled = false;
    some();
  }

  private void some() {
    int ends = 0;
    for (int looks = 0; !frozen && left > 0 && looks < LOOKS && ends < ENDS; looks++) {
      if (isLiveOf(next, ClientTable.NOBODY)) {
        mappings.forget(next);
        ends++;
      } else if (isLent(next)) {
        mappings.forget(next);
        ports.restAsNobodys(next);
        ends++;
      }
      next = next + 1 == flows.capacity() ? 0 : next + 1;
      left--;
    }
    if (!frozen) {
      mappings.settle();
      if (left > 0) {
        later();
      }
    }
  }

  /** Whether the partner may use the port of a client's connection. */
  private boolean isLent(int flow) {
    int state = flows.state(flow);
    return (state == FlowTable.LIVE || state == FlowTable.RESTING)
        && flows.client(flow) != Ports.NOBODY
        && !ports.mayUse(flow)
        && ports.granted(flow);
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
