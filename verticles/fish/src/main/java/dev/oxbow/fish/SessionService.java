package dev.oxbow.fish;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fish.attribution.BlockLog;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.session.PlaneCounters;
import dev.oxbow.fish.session.Session;
import dev.oxbow.fish.session.SessionPlane;
import dev.oxbow.fish.session.SessionSpec;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.Flow;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.flow.Flows;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.work.LiveWork;
import dev.oxbow.service.work.Page;
import dev.oxbow.service.work.WorkTable;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of a Fish, seen from the control loop, which is the data loop too: checks requests,
 * counts them, opens sessions and turns what they tell into events.
 */
final class SessionService {
  /** What a session is called in messages. */
  static final String SESSION = "session";

  private final SessionPlane plane;
  private final Grants grants;
  private final Path directory;
  private final WorkTable<Live> sessions = new WorkTable<>(SESSION, EndReason.values());
  private final Flows flows = new Flows();
  private final @Nullable BlockLog log;
  private long exhausted;

  /** A session that runs, with what is needed for its report. */
  record Live(
      String name,
      Mailbox mailbox,
      RawJson metadata,
      Descriptor descriptor,
      Flow flow,
      List<Grant> egress,
      @Nullable String resume,
      @Nullable Session running)
      implements LiveWork {

    Session session() {
      return Objects.requireNonNull(running);
    }

    private Live on(Session adopted) {
      return new Live(name, mailbox, metadata, descriptor, flow, egress, resume, adopted);
    }
  }

  /**
   * @param directory of the control sockets
   * @param log of who had which ports when, or null
   */
  SessionService(SessionPlane plane, Grants grants, Path directory, @Nullable BlockLog log) {
    this.plane = plane;
    this.grants = grants;
    this.directory = directory;
    this.log = log;
  }

  /** The sessions that live, with what callers may ask of them. */
  WorkTable<Live> table() {
    return sessions;
  }

  /**
   * Opens a session. The flow is this service's as soon as it returns, and was counted in the
   * account before.
   *
   * @param mailbox where events and the report go
   * @return the session, with its id
   * @throws RequestException when it is refused; the flow is the caller's and untouched
   */
  Live egress(Mailbox mailbox, EgressRequest request) {
    sessions.requireOpen();
    request.requireOpen();
    Account account = mailbox.account();
    account.checkMetadata(request.metadata());
    List<SessionSpec.Range> ranges = grants.ranges(request.egress());
    if (ranges.isEmpty()) {
      throw RequestException.badField("egress", "names no address");
    }
    requireUnused(mailbox, request.resume());
    SessionSpec.Owner owner = owner(mailbox, request);
    requireDecided(owner);
    Flow flow = Flow.examine(ClosedEvent.FLOW, request.flow().fd(), directory);
    if (request.vnetHdr() && flow.kind() == FlowKind.TUN) {
      throw RequestException.badField("vnetHdr", "true, but this tun has no IFF_VNET_HDR");
    }
    flows.requireNew(ClosedEvent.FLOW, flow);
    account.addWork(account.limits().getSessions(), "sessions");
    try {
      account.addBytes(request.metadata().length());
      try {
        return start(mailbox, request, owner, flow, ranges);
      } catch (RuntimeException e) {
        account.removeBytes(request.metadata().length());
        throw e;
      }
    } catch (RuntimeException e) {
      account.removeWork();
      throw e;
    }
  }

  private static SessionSpec.Owner owner(Mailbox mailbox, EgressRequest request) {
    return new SessionSpec.Owner(mailbox.account().uid(), mailbox.app(), request.resume());
  }

  /** What the partner of a pair has, or had, is not given to somebody else meanwhile. */
  private void requireDecided(SessionSpec.Owner owner) {
    String hindrance = plane.hindrance(owner);
    if (hindrance != null) {
      throw new RequestException(ErrorCode.UNAVAILABLE, hindrance);
    }
  }

  private Live start(
      Mailbox mailbox,
      EgressRequest request,
      SessionSpec.Owner owner,
      Flow flow,
      List<SessionSpec.Range> ranges) {
    long id = sessions.newId();
    SessionSpec spec =
        new SessionSpec(
            id,
            owner,
            flow.fd(),
            flow.kind(),
            request.vnetHdr() && flow.kind().isSocket(),
            request.mtu(),
            request.mapping(),
            ranges);
    Session session = plane.attach(spec, new Observer(id));
    if (session == null) {
      throw new RequestException(
          ErrorCode.QUOTA_EXCEEDED, "the service has no session left (fish.maxSessions)");
    }
    Live live =
        new Live(
            WorkTable.name(id),
            mailbox,
            request.metadata(),
            request.flow(),
            flow,
            request.egress(),
            request.resume(),
            session);
    begin(id, live);
    return live;
  }

  private void begin(long id, Live live) {
    flows.add(live.flow);
    sessions.begin(id, live);
    if (log != null) {
      Account account = live.mailbox.account();
      log.sessionBegan(live.name, account.uid(), live.mailbox.app(), live.resume, live.metadata);
    }
  }

  private void requireUnused(Mailbox mailbox, @Nullable String resume) {
    for (Live live : sessions.live()) {
      if (resume != null && live.mailbox == mailbox && resume.equals(live.resume)) {
        throw RequestException.badField("resume", "is the name of the live session " + live.name);
      }
    }
  }

  /** What the data plane tells of one session. */
  private final class Observer implements SessionPlane.Observer {
    private final long id;

    Observer(long id) {
      this.id = id;
    }

    @Override
    public void exhausted(long high, long low, int port) {
      Live live = Objects.requireNonNull(sessions.get(id));
      boolean four = PacketView.isV4(high, low);
      for (Grant grant : live.egress) {
        Prefix address = Objects.requireNonNull(Grants.host(grant.address()));
        if ((address.version() == 4) == four) {
          exhausted++;
          live.mailbox.post(
              new ExhaustedEvent(
                  new Exhaustion(
                      live.name,
                      grant.address(),
                      grant.ports(),
                      SocketAddresses.text(high, low, port))));
          return;
        }
      }
    }

    @Override
    public void closed(FlowOutcome outcome) {
      Live live = sessions.remove(id);
      flows.remove(live.flow);
      live.mailbox.account().removeWork();
      live.mailbox.post(
          ClosedEvent.of(SESSION, live.name, outcome, live.metadata, live.descriptor));
      sessions.ended(live, outcome.reason());
      if (log != null) {
        log.sessionEnded(live.name);
      }
    }
  }

  /**
   * Who has a five-tuple now, if it is the client's own session.
   *
   * @throws RequestException {@code not-found}, or naming what is wrong with the question
   */
  PortOwner lookup(Client client, PortQuery query) {
    int protocol = query.number();
    PortQuery.Endpoint outer = query.outer();
    PortQuery.Endpoint remote = query.remote();
    SessionPlane.Owner owner =
        plane.lookup(
            protocol,
            outer.address().high(),
            outer.address().low(),
            outer.port(),
            remote.address().high(),
            remote.address().low(),
            remote.port());
    Live live = owner == null ? null : sessions.get(owner.session().id());
    if (owner == null || live == null || !client.owns(live.mailbox)) {
      throw new RequestException(
          ErrorCode.NOT_FOUND, "no session of yours has that port toward that destination");
    }
    return new PortOwner(live.name, owner.client(), live.metadata, owner.sinceMs());
  }

  /** A page of them for the Java API. */
  SessionPage list(Client client, @Nullable String after, int limit) {
    Page<SessionPage.Entry> page = sessions.list(client, after, limit).map(this::entry);
    return new SessionPage(page.items(), page.next());
  }

  private SessionPage.Entry entry(Live live) {
    return new SessionPage.Entry(
        live.name,
        connections(live),
        live.session().packets(),
        live.session().ageNanos() / 1_000_000,
        live.session().idleNanos() / 1_000_000,
        live.metadata);
  }

  /** Connections of a session, resting ones included. */
  int connections(Live live) {
    return plane.flows(live.session());
  }

  /** Ends a session early; its report follows. */
  void end(Live live) {
    plane.end(live.session(), EndReason.ABORTED);
  }

  /** Ends all sessions as aborted; completes when their reports are in the mailboxes. */
  Future<Void> stop() {
    return sessions.stop(this::end);
  }

  /** Writes what another process needs to go on, besides the table. */
  void export(MessageWriter out) {
    out.number("exhausted", exhausted);
  }

  /** Goes on from what another process wrote. */
  void restore(Message record) {
    sessions.restore(record);
    exhausted = record.integer("exhausted", 0, Long.MAX_VALUE);
  }

  /**
   * Goes on with a session that another process began; its flow is this service's.
   *
   * @param slot its place in the ledger
   * @throws RequestException when it may not leave from its ports any more
   */
  void adopt(int slot, Live live) {
    long id = WorkTable.idOf(live.name);
    Session adopted =
        plane.adopt(slot, live.flow.fd(), grants.ranges(live.egress), new Observer(id));
    Account account = live.mailbox.account();
    account.countWork();
    account.addDescriptors(1);
    account.countBytes(live.metadata.length());
    begin(id, live.on(adopted));
  }

  /** Closes this process's copies of all flows, and forgets the sessions. */
  void forget() {
    sessions.live().forEach(live -> live.descriptor.close());
    sessions.clear();
  }

  /** Writes Fish's counters into the open object. */
  void stats(MessageWriter out) {
    PlaneCounters all = plane.counters();
    out.number("sessions", sessions.live().size())
        .number("lostSessions", all.lost())
        .number("clients", all.clients())
        .number("flows", all.flows())
        .number("resting", all.resting())
        .number("exhausted", exhausted)
        .number("strays", all.strays())
        .number("conntrackOverruns", all.overruns())
        .number("conntrackEventOverruns", all.eventOverruns());
    sessions.stats(out);
    if (log != null) {
      log.stats(out);
    }
  }
}
