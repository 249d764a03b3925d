package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.service.verticle.ServicePlane;
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
  private final SocketPair sockets;
  private final Ending ending;
  private final Deadlines deadlines;
  private final DataPlane.Observer observer;
  private final Direction aToB;
  private final Direction bToA;
  private boolean queued;
  private boolean halfClosed;
  private boolean finished;
  private volatile @Nullable Side stalled;

  /** Place in the loop's list of live relays. */
  int place;

  /** Whether it stands among those that wait for a pipe. */
  boolean starving;

  Relay(RelayLoop loop, RelaySpec spec, RelayRecord record, DataPlane.Observer observer) {
    this.loop = loop;
    this.spec = spec;
    this.record = record;
    this.sockets = new SocketPair(loop, spec);
    this.ending = new Ending(record);
    this.deadlines = new Deadlines(loop, spec, record, this);
    this.observer = observer;
    this.aToB = new Direction(this, loop, Side.A, spec.a(), spec.b(), spec.tcpA());
    this.bToA = new Direction(this, loop, Side.B, spec.b(), spec.a(), spec.tcpB());
  }

  RelayRecord record() {
    return record;
  }

  int group() {
    return ServicePlane.groupOf(spec.id());
  }

  boolean guarded() {
    return spec.guarded();
  }

  boolean finished() {
    return finished;
  }

  /** Whether no end is to be passed on any more. */
  boolean ending() {
    return ending.begun() || stalled != null;
  }

  /** First step on the loop; {@link #thaw} is the next. */
  void start() {
    aToB.begin(spec.preludeToB(), spec.preludeToBBytes(), spec.tcpB());
    bToA.begin(spec.preludeToA(), spec.preludeToABytes(), spec.tcpA());
  }

  /** Goes on from what the ledger says; the epoll set tells at once what can be read. */
  void thaw() {
    if (finished || !frozen()) {
      return;
    }
    try {
      load();
      if (record.overNanos() != 0) {
        return;
      }
      sockets.register(events -> ready(Side.A, events), events -> ready(Side.B, events));
      arm();
      requeue();
    } catch (RuntimeException e) {
      loop.report("relay could not be registered", e);
      ending.failed(Errno.ENOMEM);
      end0(EndReason.ERROR);
      finish();
    }
  }

  private void load() {
    ending.load();
    aToB.load();
    bToA.load();
    halfClosed = aToB.shutDown() || bToA.shutDown();
    for (Side side : Side.values()) {
      if ((record.ends(side.index()) & RelayRecord.SOURCE_RESET) != 0) {
        from(side.other()).loseDestination();
      }
    }
    if (!ending.begun()) {
      aToB.repeatEnd();
      bToA.repeatEnd();
    }
  }

  /** For how long another process may have the same descriptors: no flag may make it block. */
  void shareSockets(boolean shared) {
    if (!finished) {
      sockets.share(shared);
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
    sockets.polled().cancel();
    deadlines.disarm();
  }

  private boolean frozen() {
    return !sockets.polled().registered();
  }

  private Direction from(Side side) {
    return side == Side.A ? aToB : bToA;
  }

  /** A side takes nothing for now: the event loop shall say when it does again. */
  void awaitWritable(Side side) {
    sockets.polled().awaitWritable(side);
  }

  private void ready(Side side, int events) {
    boolean hangup = (events & (Readiness.EPOLLHUP | Readiness.EPOLLERR)) != 0;
    if ((events & ~(Readiness.EPOLLIN | Readiness.EPOLLOUT)) != 0) {
      from(side).readToTheEnd();
    }
    if ((events & Readiness.EPOLLPRI) != 0) {
      from(side).urgent();
    }
    int error = (events & Readiness.EPOLLERR) != 0 ? sockets.takeError(side) : 0;
    if (error > 0) {
      breakSide(side, error);
    }
    from(side).ready((events & ~(Readiness.EPOLLOUT | Readiness.EPOLLERR)) != 0, false);
    if (hangup || (events & Readiness.EPOLLOUT) != 0) {
      from(side.other()).ready(false, true);
      sockets.polled().awaitReadable(side.other());
    }
    if (!queued) {
      turn();
    }
  }

  /** Another turn, after all events; a timer, since tasks that beget tasks hold up the loop. */
  void requeue() {
    if (!queued) {
      queued = true;
      loop.schedule(this::queuedTurn, 0);
    }
  }

  private void queuedTurn() {
    queued = false;
    turn();
    loop.pipes().passOn(group());
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
      ending.failed(Errno.EIO);
      end0(EndReason.ERROR);
      ending.hasten(loop.now());
      more = false;
    } finally {
      loop.leave();
    }
    if (stalled != null) {
      ending.failed(Errno.EAGAIN);
      ending.blame(stalled);
      end0(EndReason.ERROR);
    }
    if (over()) {
      finish();
    } else if (more) {
      requeue();
    }
  }

  private boolean over() {
    if (!ending.begun()) {
      return aToB.shutDown() && bToA.shutDown() && ending.begin(EndReason.EOF, loop.now());
    }
    return loop.now() >= ending.deadlineNanos() || (settled(aToB, Side.A) && settled(bToA, Side.B));
  }

  /** Whether a direction of a relay that ends early has nothing more to deliver. */
  private boolean settled(Direction direction, Side source) {
    boolean readsOn =
        ending.broken() == source && !direction.sourceEnded() && !direction.destinationGone();
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
    if (ending.begun()) {
      return ending.broken() == source;
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
    ending.sawEnd(source);
    if (!from(source.other()).destinationEnded() && sockets.tcpClosed(source)) {
      breakSide(source, Errno.ECONNRESET);
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
    boolean first = ending.broken() != source;
    breakSide(source, error);
    return first && (error == Errno.ECONNRESET || error == Errno.EPIPE);
  }

  void writeFailed(Side destination, int error) {
    breakSide(destination, error);
  }

  /** A side's connection is gone: nothing can be written to it, what came from it still counts. */
  private void breakSide(Side side, int error) {
    ending.sawEnd(side);
    from(side.other()).loseDestination();
    record.addEnds(side.index(), RelayRecord.SOURCE_RESET);
    ending.broke(side);
    // What the watchdog has shut down looks like a reset from here.
    boolean reset = stalled == null && isReset(error);
    if (!ending.begun() && !reset) {
      ending.failed(stalled == null ? error : Errno.EAGAIN);
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
    if (ending.begin(why, System.nanoTime() + LINGER_NANOS)) {
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

  private void arm() {
    if (!frozen()) {
      deadlines.arm(nextDeadline());
    }
  }

  /** A deadline may have passed. */
  void fired() {
    if (finished) {
      return;
    }
    loop.readClock();
    long now = loop.now();
    if (!ending.begun() && now >= nextDeadline()) {
      end0(deadlines.passed(now, halfClosed));
    }
    arm();
    turn();
  }

  private long nextDeadline() {
    return ending.begun() ? ending.deadlineNanos() : deadlines.next(halfClosed);
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
    sockets.restoreFlags();
    RelayOutcome outcome =
        ending.outcome(
            aToB.outcome(sockets.tcpInfo(Side.A)), bToA.outcome(sockets.tcpInfo(Side.B)));
    loop.finished(this, () -> observer.finished(outcome));
  }

  @Override
  public int slot() {
    return record.slot();
  }

  @Override
  public long prelude(Side to) {
    return record.waitingPrelude(to.other().index());
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
