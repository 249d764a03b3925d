package dev.oxbow.splicer.relay;

import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import org.jspecify.annotations.Nullable;

/**
 * Two sockets and the two directions between them, from attach to outcome. Loop thread only, but
 * for {@link LiveRelay}'s methods and {@link #stalled}.
 *
 * <pre>
 *   runs --- both directions ended in order ------------------------------> finished (eof)
 *     \--- reset, error, limit, abort --> ending: delivers what it has read --> finished
 *                                         for a second at most
 * </pre>
 */
final class Relay implements LiveRelay {

  /** How long a relay that ends early delivers what it had already read. */
  private static final long LINGER_NANOS = 1_000_000_000;

  private final RelayLoop loop;
  private final RelaySpec spec;
  private final RelayRecord record;
  private final Deadlines deadlines;
  private final DataPlane.Observer observer;
  private final Direction aToB;
  private final Direction bToA;
  private final PolledSockets sockets = new PolledSockets();
  private @Nullable Timer timer;
  private long timerNanos;
  private @Nullable EndReason reason;
  private @Nullable Side endedBy;
  private @Nullable Side broken;
  private int errno;
  private long lingerUntil;
  private boolean queued;
  private boolean halfClosed;
  private boolean finished;
  private volatile @Nullable Side stalled;

  /** Place in the loop's list of live relays. */
  int place;

  Relay(RelayLoop loop, RelaySpec spec, RelayRecord record, DataPlane.Observer observer) {
    this.loop = loop;
    this.spec = spec;
    this.record = record;
    this.deadlines = new Deadlines(spec, record);
    this.observer = observer;
    this.aToB = new Direction(this, loop, Side.A, spec.a(), spec.b(), spec.tcpA());
    this.bToA = new Direction(this, loop, Side.B, spec.b(), spec.a(), spec.tcpB());
  }

  RelayRecord record() {
    return record;
  }

  int group() {
    return (int) (spec.id() % DataPlane.GROUPS);
  }

  boolean guarded() {
    return spec.guarded();
  }

  boolean finished() {
    return finished;
  }

  /** Whether no end is to be passed on any more. */
  boolean ending() {
    return reason != null || stalled != null;
  }

  /** First step on the loop; {@link #thaw} is the next. */
  void start() {
    aToB.begin(spec.preludeToB(), spec.preludeToBBytes(), spec.tcpB());
    bToA.begin(spec.preludeToA(), spec.preludeToABytes(), spec.tcpA());
  }

  /**
   * Goes on from what the ledger says. Takes the sockets into the epoll set, which tells at once
   * what can be read; that they can be written to is assumed.
   */
  void thaw() {
    if (finished || !frozen()) {
      return;
    }
    try {
      load();
      if (record.overNanos() != 0) {
        return;
      }
      sockets.register(loop, spec, this::ready);
      aToB.ready(false, true);
      bToA.ready(false, true);
      arm();
      requeue();
    } catch (RuntimeException e) {
      loop.report("relay could not be registered", e);
      failed(Errno.ENOMEM);
      end0(EndReason.ERROR);
      finish();
    }
  }

  private void load() {
    reason = record.reason();
    endedBy = record.endedBy();
    broken = record.broken();
    errno = record.errno();
    lingerUntil = record.endDeadlineNanos();
    aToB.load();
    bToA.load();
    halfClosed = aToB.shutDown() || bToA.shutDown();
    for (Side side : Side.values()) {
      if ((record.ends(side.index()) & RelayRecord.SOURCE_RESET) != 0) {
        from(side.other()).loseDestination();
      }
    }
    if (reason == null) {
      aToB.repeatEnd();
      bToA.repeatEnd();
    }
  }

  private void failed(int error) {
    errno = error;
    record.errno(error);
  }

  /** For how long another process may have the same descriptors: no flag may make it block. */
  void shareSockets(boolean shared) {
    if (spec.guarded() && !finished) {
      int flag = shared ? Syscalls.O_NONBLOCK : 0;
      Syscalls.tryFcntl(spec.a(), Syscalls.F_SETFL, spec.flagsA() | flag);
      Syscalls.tryFcntl(spec.b(), Syscalls.F_SETFL, spec.flagsB() | flag);
    }
  }

  /** This process alone has the descriptors: what waited for that is done. */
  void resume() {
    boolean fromA = aToB.resume();
    if (record.overNanos() != 0) {
      giveBack();
    } else if (bToA.resume() || fromA) {
      requeue();
    }
  }

  /** Leaves the epoll set; nothing touches the sockets until {@link #thaw}. */
  void freeze() {
    sockets.cancel();
    if (timer != null) {
      timer.cancel();
      timer = null;
    }
  }

  private boolean frozen() {
    return !sockets.registered();
  }

  private Direction from(Side side) {
    return side == Side.A ? aToB : bToA;
  }

  /** A side takes nothing for now: the event loop shall say when it does again. */
  void awaitWritable(Side side) {
    sockets.awaitWritable(side);
  }

  private void ready(Side side, int events) {
    boolean hangup = (events & (Readiness.EPOLLHUP | Readiness.EPOLLERR)) != 0;
    if ((events & ~(Readiness.EPOLLIN | Readiness.EPOLLOUT)) != 0) {
      from(side).readToTheEnd();
    }
    if ((events & Readiness.EPOLLPRI) != 0) {
      from(side).urgent();
    }
    if ((events & Readiness.EPOLLERR) != 0) {
      int error = Sockets.tryOption(side == Side.A ? spec.a() : spec.b(), 1, Sockets.SO_ERROR);
      if (error > 0) {
        breakSide(side, error);
      }
    }
    from(side).ready((events & ~(Readiness.EPOLLOUT | Readiness.EPOLLERR)) != 0, false);
    if (hangup || (events & Readiness.EPOLLOUT) != 0) {
      from(side.other()).ready(false, true);
      sockets.awaitReadable(side.other());
    }
    if (!queued) {
      turn();
    }
  }

  /**
   * Another turn, after the events of all others. A timer, because tasks of a loop that beget tasks
   * keep it from looking for events, for a second in the end.
   */
  void requeue() {
    if (!queued) {
      queued = true;
      loop.schedule(this::queuedTurn, 0);
    }
  }

  private void queuedTurn() {
    queued = false;
    turn();
  }

  /** Moves what can be moved, then looks whether the relay is over. */
  void turn() {
    if (finished || frozen()) {
      return;
    }
    boolean more;
    loop.enter(this);
    try {
      boolean moreFromA = aToB.turn();
      more = bToA.turn() || moreFromA;
    } catch (RuntimeException e) {
      loop.report("relay failed", e);
      failed(Errno.EIO);
      end0(EndReason.ERROR);
      lingerUntil = loop.now();
      more = false;
    } finally {
      loop.leave();
    }
    if (stalled != null) {
      failed(Errno.EAGAIN);
      broken = stalled;
      record.broken(stalled);
      end0(EndReason.ERROR);
    }
    if (over()) {
      finish();
    } else if (more) {
      requeue();
    }
  }

  private boolean over() {
    if (reason == null) {
      if (aToB.shutDown() && bToA.shutDown()) {
        reason = EndReason.EOF;
        record.ending(reason, loop.now());
        return true;
      }
      return false;
    }
    return loop.now() >= lingerUntil || (settled(aToB, Side.A) && settled(bToA, Side.B));
  }

  /** Whether a direction of a relay that ends early has nothing more to deliver. */
  private boolean settled(Direction direction, Side source) {
    boolean readsOn = broken == source && !direction.sourceEnded() && !direction.destinationGone();
    return direction.drained() && !readsOn;
  }

  void preludeWritten(Side to) {
    loop.tell(() -> observer.preludeWritten(to));
  }

  /** A byte moved. */
  void moved() {
    record.activityNanos(loop.now());
  }

  /** Whether more may be read from a side: not when the relay ends, unless that side broke. */
  boolean mayRead(Side source) {
    if (reason != null) {
      return broken == source;
    }
    if (allowance() == 0) {
      end0(EndReason.MAX_BYTES);
      return false;
    }
    return true;
  }

  /** How many bytes may still be read from both sides together. */
  long allowance() {
    return spec.maxBytes() == 0 ? Long.MAX_VALUE : spec.maxBytes() - aToB.read() - bToA.read();
  }

  /** End of stream on a side; a connection that is closed without our having ended it was reset. */
  void sourceEnded(Side source) {
    seenEnd(source);
    boolean tcp = source == Side.A ? spec.tcpA() : spec.tcpB();
    if (tcp && !from(source.other()).destinationEnded()) {
      TcpInfo info = loop.tcpInfo(source == Side.A ? spec.a() : spec.b());
      if (info != null && info.get("state") == TcpInfo.TCP_CLOSE) {
        breakSide(source, Errno.ECONNRESET);
      }
    }
  }

  /** A direction was ended in order: the relay is half-closed now, or over. */
  void directionEnded() {
    halfClosed = true;
    moved();
    arm();
  }

  /** Reading failed; true when it should be tried again. */
  boolean readFailed(Side source, int error) {
    boolean first = broken != source;
    breakSide(source, error);
    return first && (error == Errno.ECONNRESET || error == Errno.EPIPE);
  }

  void writeFailed(Side destination, int error) {
    breakSide(destination, error);
  }

  private void seenEnd(Side side) {
    if (endedBy == null) {
      endedBy = side;
      record.endedBy(side);
    }
  }

  /** A side's connection is gone: nothing can be written to it, what came from it still counts. */
  private void breakSide(Side side, int error) {
    seenEnd(side);
    from(side.other()).loseDestination();
    record.addEnds(side.index(), RelayRecord.SOURCE_RESET);
    if (broken == null) {
      broken = side;
      record.broken(side);
    }
    // What the watchdog has shut down looks like a reset from here.
    boolean reset = stalled == null && isReset(error);
    if (reason == null && !reset) {
      failed(stalled == null ? error : Errno.EAGAIN);
    }
    end0(reset ? EndReason.RESET : EndReason.ERROR);
  }

  private static boolean isReset(int error) {
    return error == Errno.ECONNRESET || error == Errno.EPIPE || error == Errno.ENOTCONN;
  }

  @Override
  public void end(EndReason why) {
    loop.run(
        () -> {
          if (!finished) {
            end0(why);
            turn();
          }
        });
  }

  private void end0(EndReason why) {
    if (reason == null) {
      reason = why;
      lingerUntil = System.nanoTime() + LINGER_NANOS;
      record.ending(why, lingerUntil);
      arm();
    }
  }

  /** The watchdog has shut down this side's socket because it held the loop. Its thread. */
  void stalled(Side side) {
    stalled = side;
  }

  RelaySpec spec() {
    return spec;
  }

  /** Makes sure that a timer fires at the next deadline, or before. */
  private void arm() {
    long next = frozen() ? Long.MAX_VALUE : nextDeadline();
    if (next == Long.MAX_VALUE || (timer != null && timerNanos <= next)) {
      return;
    }
    if (timer != null) {
      timer.cancel();
    }
    timerNanos = next;
    timer = loop.schedule(this::fired, next - System.nanoTime());
  }

  private void fired() {
    timer = null;
    if (finished) {
      return;
    }
    loop.readClock();
    long now = loop.now();
    if (reason == null && now >= nextDeadline()) {
      end0(deadlines.passed(now, halfClosed));
    }
    arm();
    turn();
  }

  private long nextDeadline() {
    return reason != null ? lingerUntil : deadlines.next(halfClosed);
  }

  /** Nothing is left to do. While another process has a hand in it, the giving back waits. */
  private void finish() {
    record.over(System.nanoTime());
    freeze();
    if (!loop.shared()) {
      giveBack();
    }
  }

  private void giveBack() {
    finished = true;
    if (!spec.guarded()) {
      Syscalls.tryFcntl(spec.a(), Syscalls.F_SETFL, spec.flagsA());
      Syscalls.tryFcntl(spec.b(), Syscalls.F_SETFL, spec.flagsB());
    }
    EndReason why = java.util.Objects.requireNonNull(reason);
    RelayOutcome outcome =
        new RelayOutcome(
            why,
            endedBy,
            why == EndReason.ERROR ? errno : 0,
            record.overNanos() - record.startNanos(),
            flow(aToB, Side.A),
            flow(bToA, Side.B));
    loop.finished(this, () -> observer.finished(outcome));
  }

  private RelayOutcome.Flow flow(Direction direction, Side source) {
    return direction.outcome(loop.tcpInfo(source == Side.A ? spec.a() : spec.b()));
  }

  @Override
  public int slot() {
    return record.slot();
  }

  @Override
  public long prelude(Side to) {
    int direction = to.other().index();
    long bytes = record.prelude(direction);
    return record.out(direction) < bytes ? bytes : 0;
  }

  @Override
  public long delivered(Side source) {
    return record.delivered(source.index());
  }

  @Override
  public long ageNanos() {
    return System.nanoTime() - record.startNanos();
  }

  @Override
  public long idleNanos() {
    return Math.max(0, System.nanoTime() - record.activityNanos());
  }
}
