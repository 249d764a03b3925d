package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fish.ports.FlowChanges;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.replica.FlowExport;
import dev.oxbow.fish.replica.FlowImage;
import dev.oxbow.fish.replica.FlowImport;
import dev.oxbow.fish.replica.FlowReplica;
import dev.oxbow.fish.replica.SessionName;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The live connections of two nodes: those of this one are told to the partner, those of the
 * partner are kept, and go on here when it is lost and their session is opened again. Loop thread
 * only; works in turns, and nothing here waits for the partner. Until it is known what the partner
 * has taken over no session is opened, and nothing leaves: see {@link PartnerWatch}.
 */
public final class Partnership {
  private static final Logger log = LoggerFactory.getLogger(Partnership.class);
  private static final int FORGET_LOOKS = 1 << 12;

  /** Whoever asks for everything again and again is not told faster than that. */
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final DescriptorLoop loop;
  private final Tables tables;
  private final FlowTable flows;
  private final PartnerWatch watch;
  private final Supplier<Collection<Session>> sessions;
  private final FlowReplica replica;
  private final ReplicaTimes times;
  private final Mappings mappings;
  private final Sweep sweep;
  private final LongSupplier clock;
  private final FlowExport exports;
  private final FlowImport imports;
  private final TakeOver takeOver;
  private final Away away;
  private final SecureRandom random = new SecureRandom();
  private FlowExport.@Nullable Outlet outlet;
  private @Nullable Timer flush;
  private boolean frozen = true;

  /** Whether another process may go on at any moment. */
  private boolean shared;

  /** Whether the partner is to have what is here. */
  private boolean left;

  private PartnerState told = PartnerState.UNKNOWN;
  private boolean scheduled;
  private boolean again;
  private boolean forgetting;
  private long begunNanos;
  private long theirsNanos;

  /**
   * @param tables with the connections of the partner, if another process has handed those over: it
   *     knew what the partner had taken over
   * @param sessions that live
   */
  Partnership(
      DescriptorLoop loop,
      Tables tables,
      ReplicaTimes times,
      Residents residents,
      Ports ports,
      Mappings mappings,
      Sweep sweep,
      Supplier<Collection<Session>> sessions,
      Carrier.Ends ends,
      LongSupplier clock) {
    this.loop = loop;
    this.tables = tables;
    this.flows = tables.flows();
    this.watch =
        new PartnerWatch(
            loop, times, tables.hasReplica(), new Decided(), clock, Syscalls::bootNanos);
    this.replica = tables.replica();
    this.sessions = sessions;
    this.times = times;
    this.mappings = mappings;
    this.sweep = sweep;
    this.clock = clock;
    this.exports =
        new FlowExport(
            flows,
            tables.clients(),
            new FlowChanges(flows.capacity(), times.ageNanos() == 0),
            client -> {
              Session session = residents.session(client);
              return session == null ? null : session.shared;
            },
            tables.sessions().records().size());
    this.imports = new FlowImport(replica, new Theirs());
    this.takeOver = new TakeOver(flows, residents, ports, mappings, replica);
    this.away = new Away(flows, tables.clients(), residents, ports, mappings, ends);
    sweep.away(Long.MIN_VALUE);
    sweep.hold(this::mayHave);
  }

  /** What the partner tells of. */
  private final class Theirs implements FlowImport.Listener {
    @Override
    public void moved(FlowImage flow) {
      away.moved(flow, clock.getAsLong());
    }

    @Override
    public void ended(FlowImage flow) {
      away.ended(flow, clock.getAsLong());
    }

    @Override
    public void begun() {
      theirsNanos = clock.getAsLong();
      watch.begun();
    }

    @Override
    public void soon(int ms) {
      watch.soon(ms);
    }

    @Override
    public void complete() {
      sweep.away(theirsNanos);
      forgetting = true;
      watch.present();
    }
  }

  private final class Decided implements PartnerWatch.Listener {
    @Override
    public void decided(PartnerState now) {
      if (now != told) {
        told = now;
        log.info(
            "the partner is {}; {} connections of its {} sessions are kept here",
            now == PartnerState.PRESENT ? "there" : now.wireName(),
            replica.size(),
            replica.sessions());
      }
      tables.settle(true);
      if (now == PartnerState.LOST && watch.isGone()) {
        // Of names that both nodes have, since they were opened in the same moment.
        List.copyOf(sessions.get()).forEach(session -> claim(session, clock.getAsLong()));
      }
    }

    @Override
    public void undecided() {
      tables.settle(false);
      imports.reset();
      ask();
    }
  }

  /** Messages get through from here on. */
  public void linked(FlowExport.Outlet to) {
    if (left) {
      return;
    }
    outlet = to;
    watch.linked();
    imports.reset();
    if (!frozen) {
      begin();
    }
  }

  /** Messages may be lost from here on; the partner may be there, until it is held for lost. */
  public void unlinked() {
    outlet = null;
    exports.end();
    imports.reset();
    watch.unlinked();
  }

  /** The partner has ended: only one that has announced it is waited for. */
  public void gone() {
    watch.gone();
  }

  /** Whether nothing may leave for now; also notices when this process has stood still. */
  boolean waits() {
    return watch.waits();
  }

  /**
   * Whether the partner may have taken over a connection of this node's that is over here, so that
   * nobody else gets its port toward its destination.
   */
  private boolean mayHave(int flow) {
    return switch (watch.partner()) {
      case PRESENT -> false;
      case UNKNOWN -> true;
      case LOST -> flows.isTold(flow) && flows.moves(flow) == 0;
    };
  }

  /**
   * All sessions are about to end since this process stops: that is not told, so that whoever opens
   * them at the other node goes on there.
   */
  public void leave() {
    if (!frozen) {
      exports.tellAll();
    }
    exports.end();
    outlet = null;
    left = true;
  }

  /** Another process may go on from here on, or this one alone does. */
  void share(boolean now) {
    shared = now;
    exports.soon(shared ? PartnerWatch.UPGRADE_MS : 0);
  }

  /** A message of the partner's has come. */
  public void received(byte[] message) {
    if (frozen || outlet == null) {
      return;
    }
    try {
      again |= imports.take(message);
      ask();
    } catch (IllegalArgumentException e) {
      log.error("what the partner tells of its connections is left out until it begins anew", e);
      watch.notUnderstood();
    }
    mappings.settle();
    if (forgetting) {
      later();
    }
  }

  /** Where something is missing, everything is to be told again. */
  private void ask() {
    FlowExport.Outlet to = outlet;
    byte[] wanted = to == null ? null : imports.wanted();
    if (to != null && wanted != null) {
      to.send(wanted);
    }
  }

  private void begin() {
    FlowExport.Outlet to = outlet;
    if (to != null) {
      again = false;
      begunNanos = clock.getAsLong();
      exports.begin(to, random.nextLong() | 1);
      if (shared) {
        exports.soon(PartnerWatch.UPGRADE_MS);
      }
    }
  }

  /**
   * Why a session may not be opened now, so that it is to be tried again later; null when it may.
   *
   * @param name null when nobody takes it up again
   */
  public @Nullable String hindrance(@Nullable SessionName name) {
    if (!watch.isDecided()) {
      return "whether the partner has taken over connections of this node is not known yet";
    }
    boolean theirs = name != null && partner() != PartnerState.LOST && replica.find(name) >= 0;
    return theirs ? "the partner has a session of that name, and is not held for lost" : null;
  }

  /** What is known of the partner. */
  public PartnerState partner() {
    return watch.partner();
  }

  /** Gives a new session what a lost partner had under its name; how many connections. */
  int claim(Session session, long nowNanos) {
    if (partner() != PartnerState.LOST) {
      return 0;
    }
    int taken = takeOver.claim(session, nowNanos);
    if (taken > 0) {
      later();
    }
    return taken;
  }

  /** There is a session: the partner hears of it at once, so that it does not open it, too. */
  void opened(Session session) {
    if (session.shared != null) {
      exports.opened(session.shared);
      later();
    }
  }

  /** A session is over. */
  void over(Session session) {
    if (session.shared != null) {
      exports.over(session.shared);
    }
  }

  /** Touches no table any more. */
  void freeze() {
    frozen = true;
    exports.end();
    watch.freeze();
    Timer own = flush;
    if (own != null) {
      own.cancel();
    }
  }

  /** Goes on from what the tables say: another process may have worked on them. */
  void thaw() {
    frozen = false;
    replica.rebuild();
    imports.rebuild();
    takeOver.thaw();
    watch.thaw();
    begin();
    ask();
    later();
    flushLater();
  }

  private void flushLater() {
    flush = loop.schedule(this::flush, times.flushNanos());
  }

  private void flush() {
    if (frozen) {
      return;
    }
    // First: what fails below does not end it.
    flushLater();
    long now = clock.getAsLong();
    // What is told waits for a flush, and takes a while: who is of that age is known by then.
    exports.age(now, times.ageNanos() - 2 * times.flushNanos());
    if (again && now - begunNanos >= AGAIN_NANOS) {
      begin();
    }
    some();
  }

  private void later() {
    if (!scheduled) {
      scheduled = true;
      loop.schedule(
          () -> {
            scheduled = false;
            some();
          },
          0);
    }
  }

  private void some() {
    if (frozen) {
      return;
    }
    boolean more = exports.turn();
    more |= takeOver.turn();
    forgetting = forgetting && imports.forget(FORGET_LOOKS);
    if (more || forgetting) {
      later();
    }
  }

  /** Its sums. */
  public ReplicaCounters counters() {
    return new ReplicaCounters(
        partner(),
        !watch.isDecided(),
        exports.known(),
        replica.size(),
        replica.sessions(),
        exports.told(),
        exports.ends(),
        exports.bytes(),
        takeOver.taken(),
        takeOver.refused(),
        away.gone(),
        imports.repeats());
  }
}
