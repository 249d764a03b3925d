package dev.oxbow.fish;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fish.attribution.BlockLog;
import dev.oxbow.fish.network.Offloads;
import dev.oxbow.fish.partner.Partner;
import dev.oxbow.fish.partner.PartnerLink;
import dev.oxbow.fish.ports.PortUses;
import dev.oxbow.fish.session.Partnership;
import dev.oxbow.fish.session.ReplicaCounters;
import dev.oxbow.fish.session.ReplicaTimes;
import dev.oxbow.fish.session.SessionPlane;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePlane;
import dev.oxbow.service.work.Turns;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What carries Fish's packets, as what an upgrade drives. All packets come through one tun, so that
 * all sessions are in one group, the first.
 */
final class FishPlane implements ServicePlane {
  private static final Logger log = LoggerFactory.getLogger(FishPlane.class);
  private static final int GROUP = 0;
  private static final long LOG_NANOS = 1_000_000_000;

  /** In which two nodes that are there find one another. */
  private static final long JOIN_NANOS = 5_000_000_000L;

  /** How old counters of the tun may be. */
  private static final long LOOK_NANOS = 1_000_000_000;

  private final DescriptorLoop loop;
  private final SessionPlane plane;
  private final Installation installation;
  private final Function<Callable<Boolean>, Future<Boolean>> blocking;

  /** Packets that the tun's queue had no room for, a moment ago. */
  private volatile long deviceDropped;

  private @Nullable Timer look;
  private volatile boolean closed;
  private @Nullable BlockLog portLog;
  private @Nullable Partner partner;
  private @Nullable Partnership partnership;

  /** Whether the rules are still those of the process before this one. */
  private volatile boolean rulesInherited;

  /** Whether they are to be loaded anew as soon as that succeeds. */
  private volatile boolean rulesDue;

  /**
   * @param inherited whether another process has set up the installation
   * @param blocking runs something that blocks in the installation's network namespace
   */
  FishPlane(
      DescriptorLoop loop,
      Installation installation,
      boolean inherited,
      Function<Callable<Boolean>, Future<Boolean>> blocking) {
    this.loop = loop;
    this.plane = installation.plane();
    this.installation = installation;
    this.rulesInherited = inherited;
    this.blocking = blocking;
    loop.execute(this::lookLater);
  }

  private void lookLater() {
    if (!closed) {
      look = loop.schedule(this::look, LOOK_NANOS);
    }
  }

  private void look() {
    apart(() -> deviceDropped = installation.dropped())
        .onFailure(this::unread)
        .eventually(this::reloadDue)
        .eventually(() -> Turns.call(loop, this::lookLater));
  }

  private void unread(Throwable why) {
    if (!closed) {
      log.warn("the counters of the tun cannot be read", why);
    }
  }

  /** Writes counters of the tun into the open object. */
  void stats(MessageWriter out) {
    Offloads offloads = installation.offloads();
    out.object("device")
        .number("tcpSegments", offloads.tcp() ? 1 : 0)
        .number("udpSegments", offloads.udp() ? 1 : 0)
        .number("txDropped", deviceDropped)
        .end();
    if (partner != null && partnership != null) {
      out.object("pair");
      partner.stats(out);
      out.object("flows");
      write(partnership.counters(), out);
      out.end().end();
    }
  }

  private static void write(ReplicaCounters flows, MessageWriter out) {
    out.string("partner", flows.partner().wireName())
        .flag("waits", flows.waits())
        .number("replicated", flows.replicated())
        .number("kept", flows.kept())
        .number("keptSessions", flows.keptSessions())
        .number("told", flows.told())
        .number("ends", flows.ends())
        .number("bytes", flows.bytes())
        .number("takenOver", flows.taken())
        .number("refused", flows.refused())
        .number("gone", flows.gone())
        .number("repeats", flows.repeats());
  }

  SessionPlane sessions() {
    return plane;
  }

  /**
   * Notes from the next thaw on who has which ports.
   *
   * @param source of the log, or null
   * @return the log, which ends with this plane, or null
   */
  @Nullable BlockLog portLog(PortUses.@Nullable Source<BlockLog> source) {
    portLog = source == null ? null : plane.heed(source);
    return portLog;
  }

  /**
   * Shares all ports from the next thaw on, and keeps the connections of the partner. Before the
   * first one, on any thread; blocks.
   */
  void pair(Partner.Source<Partner> source, PairOptions options) {
    Partner made = plane.pair(source, installation.remembers(), Syscalls::bootNanos);
    partner = made;
    Partnership with = plane.replicate(times(options));
    partnership = with;
    PartnerLink link = made.link();
    link.listen(PartnerLink.Kind.FLOWS, new FlowsLink(loop, with, link));
  }

  private static ReplicaTimes times(PairOptions options) {
    long lost = TimeUnit.MILLISECONDS.toNanos(options.getLostMs());
    return new ReplicaTimes(
        TimeUnit.MILLISECONDS.toNanos(options.getAgeMs()),
        TimeUnit.MILLISECONDS.toNanos(options.getFlushMs()),
        lost - PartnerLink.SILENCE_NANOS,
        lost + JOIN_NANOS,
        lost / 2);
  }

  /** All sessions are about to end with this process. */
  void leave() {
    if (partnership != null) {
      partnership.leave();
    }
  }

  @Override
  public Future<Void> freeze(int group) {
    return group == GROUP ? Turns.call(loop, plane::freeze) : Future.succeededFuture();
  }

  @Override
  public Future<Void> thaw(int group) {
    return group == GROUP ? Turns.call(loop, plane::thaw) : Future.succeededFuture();
  }

  @Override
  public int flows(int group) {
    return group == GROUP ? plane.size() : 0;
  }

  @Override
  public Future<Void> share(Cargo cargo) {
    plane.share();
    installation.lend(cargo);
    return Future.succeededFuture();
  }

  /**
   * What is granted may have changed with the configuration: now the rules follow. While they
   * cannot, those of before hold, which close what is new, but for a link that is elsewhere now.
   */
  @Override
  public Future<Void> unshare() {
    plane.unshare();
    rulesDue = rulesInherited;
    rulesInherited = false;
    return reloadDue();
  }

  private Future<Void> reloadDue() {
    if (!rulesDue || closed) {
      return Future.succeededFuture();
    }
    return apart(installation::reload)
        .onSuccess(v -> rulesDue = false)
        .recover(
            e -> {
              log.error("the rules are those of the process before; another try in a second", e);
              return Future.succeededFuture();
            });
  }

  /** As a crash would: rules and blackhole stay. */
  @Override
  public Future<Void> abandon() {
    end();
    return apart(installation::abandon).eventually(() -> endOthers(false, false));
  }

  /** Undoes a start that did not succeed: what an earlier life has left stays for the next. */
  Future<Void> giveUp() {
    return installation.isFirst() ? close() : abandon();
  }

  /** Puts the network back; all sessions have ended. */
  Future<Void> close() {
    plane.freeze();
    return blocking
        .apply(installation::saveResting)
        .transform(
            saved -> {
              end();
              return apart(installation::restore)
                  .onFailure(e -> log.error("the network is not as it was before Fish", e))
                  .eventually(() -> endOthers(true, saved.succeeded() && saved.result()));
            });
  }

  private Future<Void> endOthers(boolean inOrder, boolean restingNoted) {
    Partner ending = partner;
    return ending == null
        ? endLog(inOrder)
        : ending.close(restingNoted).eventually(() -> endLog(inOrder));
  }

  /**
   * Completes when the log is on the disk; one that hangs is waited for no longer than a second.
   *
   * @param inOrder whether all ports are nobody's from here on
   */
  private Future<Void> endLog(boolean inOrder) {
    BlockLog ending = portLog;
    if (ending == null) {
      return Future.succeededFuture();
    }
    Promise<Void> done = Promise.promise();
    Timer impatience = loop.schedule(done::tryComplete, LOG_NANOS);
    ending.end(inOrder).onComplete(v -> loop.tryExecute(done::tryComplete));
    return done.future().onComplete(v -> impatience.cancel());
  }

  private void end() {
    closed = true;
    Timer own = look;
    if (own != null) {
      own.cancel();
    }
    plane.close();
  }

  private Future<Void> apart(Runnable task) {
    return blocking
        .apply(
            () -> {
              task.run();
              return true;
            })
        .mapEmpty();
  }
}
