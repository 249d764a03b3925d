package dev.oxbow.fish.session;

import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.conntrack.ConntrackDump;
import dev.oxbow.fish.conntrack.ConntrackEvents;
import dev.oxbow.fish.network.Offloads;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.partner.Partner;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.ports.PortUses;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowOutcome;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * All sessions on one event loop, the tun, and the tables. All packets come through one tun, so all
 * sessions are paused and go on as one. Loop thread only.
 */
public final class SessionPlane implements AutoCloseable {
  private static final long TICK_NANOS = 100_000_000;

  /** What a session tells while it lives, on the loop. */
  public interface Observer {

    /**
     * No port is left toward a destination; told once a second at most.
     *
     * @param port 0 for an ICMP echo
     */
    void exhausted(long high, long low, int port);

    /** The session is over; told once, as the last. */
    void closed(FlowOutcome outcome);
  }

  /**
   * What the plane works with; closed with it, but for the tun.
   *
   * @param tun of the inner addresses, non-blocking; stays its owner's
   * @param events for {@link ConntrackEvents#listen}
   * @param crashGraceNanos how long the connections of a session wait whose process is gone
   * @param quotas by uid
   * @param clock CLOCK_MONOTONIC in nanoseconds
   */
  public record Parts(
      int tun,
      Offloads offloads,
      Conntrack conntrack,
      NetlinkSocket events,
      int mark,
      Tables tables,
      Prefix pool4,
      Prefix pool6,
      List<PortSlice> slices,
      long crashGraceNanos,
      LongFunction<QuotaOptions> quotas,
      LongSupplier clock) {}

  /** Who has a five-tuple since when (1970); the client is as in the flow's packets. */
  public record Owner(Session session, String client, long sinceMs) {}

  private final DescriptorLoop loop;
  private final Parts parts;
  private final ClientTable clients;
  private final FlowTable flows;
  private final Residents residents;
  private final Ports ports;
  private final Mappings mappings;
  private final SessionFlows connections;
  private final Inbound inbound;
  private final Sweep sweep;
  private final Departures departures;
  private final Gathering fromFlows;
  private final Gathering toFlows;
  private final HeldPackets held;
  private final Carrier carrier;
  private final LostSessions lost;
  private final Map<Long, Session> sessions = new LinkedHashMap<>();
  private @Nullable ConntrackEvents events;
  private @Nullable Timer tick;
  private volatile int count;
  private boolean frozen = true;
  private boolean shared;

  /** A plane that stands still, and will carry packets on a loop. Any thread, until the thaw. */
  public SessionPlane(DescriptorLoop loop, Parts parts) {
    this.loop = loop;
    this.parts = parts;
    Tables tables = parts.tables;
    this.clients = tables.clients();
    this.flows = tables.flows();
    this.residents = new Residents(clients, new Allowances(parts.quotas));
    Pools pools = new Pools(parts.pool4, parts.pool6, clients);
    this.ports = new Ports(flows, residents, parts.slices, new SecureRandom().nextLong());
    this.mappings = new Mappings(parts.conntrack, flows, pools, ports);
    this.connections = new SessionFlows(loop, tables, residents, mappings, ports);
    this.sweep = new Sweep(loop, flows, mappings, this::now);
    this.departures = new Departures(mappings);
    this.lost = new LostSessions(tables.sessions(), parts.crashGraceNanos);
    this.fromFlows = tables.fromFlows(this::lost);
    this.toFlows = tables.toFlows(this::lost);
    this.held = tables.held();
    Device device = new Device(parts.tun, parts.offloads);
    this.inbound =
        new Inbound(device, mappings, flows, pools, residents, toFlows, held, this::failed);
    this.carrier =
        new Carrier(
            loop,
            parts.tun,
            device,
            new Outbound(device, mappings, ports, flows, pools, residents, fromFlows),
            inbound,
            connections::waits,
            this::now,
            this::end);
  }

  /** Tells somebody of all ports, from the next thaw on. */
  public <T extends PortUses> T heed(PortUses.Source<T> source) {
    return ports.heed(source.over(parts.slices, flows, clients));
  }

  /** Shares all ports, from the next thaw on: see {@link Sharing}; the clock is CLOCK_BOOTTIME. */
  public <T extends Partner> T pair(Partner.Source<T> by, boolean known, LongSupplier boot) {
    return connections.share(by, parts.slices, known, boot);
  }

  /** Keeps the connections of a partner, and tells it of those here, from the next thaw on. */
  public Partnership replicate(ReplicaTimes times) {
    return connections.pair(times, sweep, sessions::values, this::end, parts.clock);
  }

  /**
   * Brings into step what a process that is gone has left in the tables and in the kernel. Before
   * the first thaw, on any thread; blocks.
   */
  public void recover(ConntrackDump dump) {
    new Recovery(parts.tables, residents, mappings, ports).run(dump, parts.mark, now());
  }

  /** Why a session may not be opened now, so that it is to be tried later; null when it may. */
  public @Nullable String hindrance(SessionSpec.Owner owner) {
    return connections.hindrance(owner);
  }

  /**
   * Opens a session, which takes up the connections of a lost one of the same owner and name.
   * Packets that came before wait in the flow.
   *
   * @return null when there is no room for it; nothing was touched then
   */
  public @Nullable Session attach(SessionSpec spec, Observer observer) {
    SessionRecord record = parts.tables.sessions().free();
    if (record == null) {
      return null;
    }
    now();
    Session session = new Session(spec, record, observer, residents.allowances());
    try {
      record.begin(spec, System.nanoTime());
      carrier.begin(session);
      enter(session);
      for (SessionRecord old : lost.claim(spec.owner())) {
        session.resumed += connections.resume(old.id(), session);
        old.clear();
      }
      session.resumed += connections.claim(session, now());
      return session;
    } catch (RuntimeException e) {
      Carrier.stop(session);
      leave(session);
      lost.rebuild();
      throw e;
    }
  }

  private void leave(Session session) {
    sessions.remove(session.id());
    count = sessions.size();
    connections.dissolve(session);
    session.record.clear();
  }

  private Session enter(Session session) {
    sessions.put(session.id(), session);
    count = sessions.size();
    return connections.opened(session);
  }

  /**
   * Takes over a session that another process began. It stands still until the plane is thawed.
   *
   * @param slot the place of its record
   * @param flow this process's descriptor of its flow
   * @throws IllegalArgumentException when there is no such session in the ledger
   */
  public Session adopt(int slot, int flow, List<SessionSpec.Range> egress, Observer observer) {
    SessionRecord record = parts.tables.sessions().taken(slot);
    return enter(new Session(record.spec(flow, egress), record, observer, residents.allowances()));
  }

  /** Ends a session soon: its connections are over, and its outcome is told. Idempotent. */
  public void end(Session session, EndReason reason) {
    loop.execute(() -> end(session, reason, 0));
  }

  /** Notes an end; what is to be done for it waits while another process may have to go on. */
  private void end(Session session, EndReason reason, int errno) {
    if (sessions.get(session.id()) == session) {
      session.record.ending(reason, errno);
      Carrier.stop(session);
      if (!shared && !frozen) {
        finish(session, session.record.reason());
      }
    }
  }

  private void finish(Session session, @Nullable EndReason reason) {
    now();
    fromFlows.forget(session);
    toFlows.forget(session);
    session.drop(DropReason.FLOW_FULL, held.forget(session));
    FlowOutcome outcome =
        new FlowOutcome(
            reason == null ? EndReason.ERROR : reason,
            session.record.errno(),
            session.ageNanos(),
            session.packets());
    leave(session);
    session.observer.closed(outcome);
  }

  private void finishEnded() {
    for (Session session : List.copyOf(sessions.values())) {
      EndReason reason = session.record.reason();
      if (reason != null) {
        finish(session, reason);
      }
    }
  }

  /** Stands still: touches neither flows nor the tun nor tables. */
  public void freeze() {
    frozen = true;
    departures.freeze();
    connections.freeze();
    sweep.freeze();
    Timer own = tick;
    if (own != null) {
      own.cancel();
    }
    carrier.freeze(sessions.values());
  }

  /** Goes on from what the tables and the kernel say: another process may have worked on them. */
  public void thaw() {
    flows.rebuild();
    ports.rebuild();
    residents.rebuild(sessions.values());
    lost.rebuild();
    long nanos = now();
    held.rebuild(sessions.values());
    fromFlows.thaw();
    toFlows.thaw();
    departures.thaw(nanos);
    mappings.forgetProposed();
    frozen = false;
    if (events == null) {
      events = ConntrackEvents.listen(loop, parts.events, parts.mark, departures);
    }
    connections.thaw(sessions.values());
    carrier.thaw(sessions.values().stream().filter(s -> s.record.reason() == null).toList());
    tickLater();
    if (!shared) {
      finishEnded();
    }
  }

  /** Another process may have to go on at any moment, from here on until {@link #unshare()}. */
  public void share() {
    shared = true;
    carrier.share(true);
    connections.share(true);
  }

  /** Puts all that the tables are in into what another process gets. */
  public void lend(Cargo cargo) {
    parts.tables.lend(cargo);
  }

  /** This process alone goes on; what had to end does so now. */
  public void unshare() {
    shared = false;
    held.convert();
    carrier.share(false);
    connections.share(false);
    if (!frozen) {
      finishEnded();
    }
  }

  /** Sessions that are paused with one another. Any thread. */
  public int size() {
    return count;
  }

  /** Who has an outer address and port toward a destination; null for nobody. */
  public @Nullable Owner lookup(
      int protocol, long outerHigh, long outerLow, int port, long high, long low, int remotePort) {
    return connections.lookup(protocol, outerHigh, outerLow, port, high, low, remotePort);
  }

  /** Connections of a session, resting ones included. */
  public int flows(Session session) {
    return session.own.flows();
  }

  public PlaneCounters counters() {
    return new PlaneCounters(
        sessions.size(),
        lost.size(),
        clients.size(),
        flows.size(),
        sweep.resting(),
        inbound.strays(),
        parts.conntrack.overruns(),
        departures.overruns());
  }

  private long now() {
    long nanos = parts.clock.getAsLong();
    mappings.now(nanos);
    ports.now(nanos);
    held.now(nanos);
    return nanos;
  }

  /** A flow takes nothing any more. */
  private void failed(Session session, int errno) {
    boolean end = session.spec.kind().isEnd(errno);
    loop.execute(() -> end(session, end ? EndReason.EOF : EndReason.ERROR, end ? 0 : errno));
  }

  private void lost(long id, int fragments) {
    Session session = sessions.get(id);
    for (int i = 0; session != null && i < fragments; i++) {
      session.drop(DropReason.FRAGMENT);
    }
  }

  private void tickLater() {
    tick = loop.schedule(this::tick, TICK_NANOS);
  }

  private void tick() {
    if (frozen) {
      return;
    }
    // First: what fails below does not end it.
    tickLater();
    long nanos = now();
    sweep.step();
    departures.step(nanos);
    connections.tick();
    mappings.settle();
    fromFlows.expire();
    toFlows.expire();
    connections.dissolve(connections.waits() ? List.of() : lost.unclaimed(nanos));
  }

  /** Ends without touching flows or entries, as a crash would; tables and sockets are closed. */
  @Override
  public void close() {
    freeze();
    sessions.clear();
    if (events == null) {
      parts.events.close();
    } else {
      events.close();
    }
    parts.conntrack.close();
    parts.tables.close();
  }
}
