package dev.oxbow.fish.session;

import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.conntrack.ConntrackEvents;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.PortSlice;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** All sessions on one event loop, the tun, and the tables. Loop thread only. */
public final class SessionPlane implements AutoCloseable {

  /** Batches of one flow or of the tun in one turn: others want to be served as well. */
  private static final int TURN_BATCHES = 4;

  private static final long TICK_NANOS = 100_000_000;

  private static final int FLOW_EVENTS =
      Readiness.EPOLLIN | Readiness.EPOLLRDHUP | Readiness.EPOLLET;
  private static final int END_EVENTS =
      Readiness.EPOLLRDHUP | Readiness.EPOLLHUP | Readiness.EPOLLERR;

  /** What a session tells while it lives, on the loop. */
  public interface Observer {

    /**
     * No port is left toward a destination; told once a second at most.
     *
     * @param port 0 for an ICMP echo
     */
    void exhausted(long high, long low, int port);

    /** The session is over; told once, as the last. */
    void closed(SessionOutcome outcome);
  }

  /**
   * What the plane works with; closed with it, but for the tun.
   *
   * @param tun of the inner addresses, non-blocking; stays its owner's
   * @param events for {@link ConntrackEvents#listen}
   */
  public record Parts(
      int tun,
      Conntrack conntrack,
      NetlinkSocket events,
      int mark,
      ClientTable clients,
      FlowTable flows,
      Prefix pool4,
      Prefix pool6,
      List<PortSlice> slices) {}

  /**
   * Who has a five-tuple now.
   *
   * @param client address and port in the flow's packets
   * @param sinceMs milliseconds since 1970
   */
  public record Owner(Session session, String client, long sinceMs) {}

  /** Sums, a moment old. */
  public record Counters(
      long sessions, long clients, long flows, long resting, long strays, long overruns) {}

  private final DescriptorLoop loop;
  private final Parts parts;
  private final FlowTable flows;
  private final Residents residents;
  private final Ports ports;
  private final Mappings mappings;
  private final Outbound outbound;
  private final Inbound inbound;
  private final Device device;
  private final Sweep sweep;
  private final Fragments fragmentsOut;
  private final Fragments fragmentsIn;
  private final PacketBatch batch = new PacketBatch();
  private final List<Session> sessions = new ArrayList<>();
  private final Registration registration;
  private final ConntrackEvents events;
  private @Nullable Timer tick;
  private boolean closed;

  private SessionPlane(DescriptorLoop loop, Parts parts) {
    this.loop = loop;
    this.parts = parts;
    this.flows = parts.flows;
    this.residents = new Residents(parts.clients);
    Pools pools = new Pools(parts.pool4, parts.pool6, parts.clients);
    this.ports = new Ports(flows, residents, parts.slices, new SecureRandom().nextLong());
    this.mappings = new Mappings(parts.conntrack, flows, pools, ports);
    this.sweep = new Sweep(flows, mappings);
    this.device = new Device(parts.tun);
    this.fragmentsOut = Fragments.open(this::lost);
    this.fragmentsIn = Fragments.open(this::lost);
    this.outbound = new Outbound(device, mappings, flows, pools, residents, fragmentsOut);
    this.inbound =
        new Inbound(device, mappings, flows, pools, residents, fragmentsIn, this::failed);
    this.registration =
        loop.register(parts.tun, Readiness.EPOLLIN | Readiness.EPOLLET, ready -> fromDevice());
    this.events = ConntrackEvents.listen(loop, parts.events, parts.mark, new Gone());
  }

  /** Begins to carry. */
  public static SessionPlane open(DescriptorLoop loop, Parts parts) {
    SessionPlane plane = new SessionPlane(loop, parts);
    plane.tickLater();
    return plane;
  }

  /** Opens a session. Packets that came before wait in the flow. */
  public Session attach(SessionSpec spec, Observer observer) {
    Session session = new Session(spec, observer, System.nanoTime());
    session.registration = loop.register(spec.flow(), FLOW_EVENTS, ready -> ready(session, ready));
    sessions.add(session);
    later(session);
    return session;
  }

  /** Ends a session soon: its connections are over, and its outcome is told. Idempotent. */
  public void end(Session session, EndReason reason) {
    loop.execute(() -> end(session, reason, 0));
  }

  private void end(Session session, EndReason reason, int errno) {
    if (session.ended) {
      return;
    }
    session.ended = true;
    if (session.registration != null) {
      session.registration.cancel();
    }
    sessions.remove(session);
    now();
    for (int flow = 0; flow < flows.capacity(); flow++) {
      int state = flows.state(flow);
      if (state != FlowTable.FREE && parts.clients.session(flows.client(flow)) == session.id()) {
        if (state == FlowTable.LIVE) {
          mappings.forget(flow);
        }
      }
    }
    mappings.settle();
    residents.leave(session);
    fragmentsOut.reassembler().forget(session.id());
    fragmentsIn.reassembler().forget(session.id());
    session.observer.closed(
        new SessionOutcome(reason, errno, session.ageNanos(), session.packets()));
  }

  /** Who has an outer address and port toward a destination; null for nobody. */
  public @Nullable Owner lookup(
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
    String text =
        protocol == IpProtocol.TCP || protocol == IpProtocol.UDP
            ? dev.oxbow.codecs.tcp.SocketAddresses.text(
                parts.clients.high(client), parts.clients.low(client), flows.clientPort(flow))
            : Prefix.text(parts.clients.high(client), parts.clients.low(client));
    return new Owner(session, text, flows.sinceMs(flow));
  }

  /** Connections of a session, resting ones included. */
  public int flows(Session session) {
    return residents.flows(session);
  }

  public Counters counters() {
    return new Counters(
        sessions.size(),
        parts.clients.size(),
        flows.size(),
        sweep.resting(),
        inbound.strays(),
        parts.conntrack.overruns());
  }

  private long now() {
    long nanos = System.nanoTime();
    mappings.now(nanos);
    ports.now(nanos);
    return nanos;
  }

  private void ready(Session session, int ready) {
    if ((ready & END_EVENTS) != 0) {
      session.ending = true;
    }
    turn(session);
  }

  private void later(Session session) {
    if (!session.scheduled && !session.ended) {
      session.scheduled = true;
      loop.execute(
          () -> {
            session.scheduled = false;
            turn(session);
          });
    }
  }

  private void turn(Session session) {
    for (int i = 0; i < TURN_BATCHES; i++) {
      if (session.ended || closed) {
        return;
      }
      int count = session.port.receive(batch);
      if (count <= 0) {
        empty(session, -count);
        return;
      }
      long nanos = now();
      session.lastNanos = nanos;
      outbound.carry(session, batch, count, nanos);
      if (session.ending && session.port.drained()) {
        end(session, EndReason.EOF, 0);
        return;
      }
    }
    later(session);
  }

  private void empty(Session session, int errno) {
    if (errno == Errno.EAGAIN || errno == 0) {
      if (session.ending) {
        end(session, EndReason.EOF, 0);
      }
    } else if (session.spec.kind().isEnd(errno)) {
      // Told once; what the other end had sent before is still there.
      session.ending = true;
      later(session);
    } else {
      end(session, EndReason.ERROR, errno);
    }
  }

  private void failed(Session session, int errno) {
    boolean end = session.spec.kind().isEnd(errno);
    loop.execute(() -> end(session, end ? EndReason.EOF : EndReason.ERROR, end ? 0 : errno));
  }

  private void lost(long owner, int fragments, Defect why) {
    for (Session session : sessions) {
      if (session.id() == owner) {
        for (int i = 0; i < fragments; i++) {
          session.drop(DropReason.FRAGMENT);
        }
      }
    }
  }

  private void fromDevice() {
    for (int i = 0; i < TURN_BATCHES; i++) {
      if (closed) {
        return;
      }
      int count = device.receive(batch);
      if (count <= 0) {
        return;
      }
      inbound.carry(batch, count, now());
    }
    loop.execute(this::fromDevice);
  }

  private void tickLater() {
    tick = loop.schedule(this::tick, TICK_NANOS);
  }

  private void tick() {
    if (closed) {
      return;
    }
    long nanos = now();
    sweep.step(nanos);
    mappings.settle();
    fragmentsOut.reassembler().expire();
    fragmentsIn.reassembler().expire();
    tickLater();
  }

  /** Ends without touching flows or entries, as a crash would; tables and sockets are closed. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (tick != null) {
      tick.cancel();
    }
    registration.cancel();
    for (Session session : sessions) {
      session.ended = true;
      if (session.registration != null) {
        session.registration.cancel();
      }
    }
    events.close();
    parts.conntrack.close();
    flows.close();
    parts.clients.close();
  }

  private final class Gone implements ConntrackEvents.Listener {
    @Override
    public void destroyed(ConntrackTuple original) {
      mappings.destroyed(original);
    }

    @Override
    public void resyncNeeded() {
      mappings.doubtAll();
    }
  }
}
