package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.service.flow.Bench;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.work.BusyPoll;
import java.util.Collection;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves packets between flows and the tun while it is not frozen: then it has registered them, and
 * no packet is in its hands between two turns. Loop thread only.
 */
final class Carrier {
  private static final Logger log = LoggerFactory.getLogger(Carrier.class);

  /** Batches of one flow or of the tun in one turn: others want to be served as well. */
  private static final int TURN_BATCHES = 4;

  /** How long the loop stays awake after a batch: an answer is often there sooner. */
  private static final int BUSY_POLL_MICROS = 50;

  /** How often it is looked whether packets may leave again. */
  private static final long WAIT_NANOS = 10_000_000;

  private static final int FLOW_EVENTS =
      Readiness.EPOLLIN | Readiness.EPOLLOUT | Readiness.EPOLLRDHUP | Readiness.EPOLLET;
  private static final int END_EVENTS =
      Readiness.EPOLLRDHUP | Readiness.EPOLLHUP | Readiness.EPOLLERR;

  private final DescriptorLoop loop;
  private final int tun;
  private final Device device;
  private final Outbound outbound;
  private final Inbound inbound;
  private final BooleanSupplier waits;
  private final Clock clock;
  private final Ends ends;
  private final BusyPoll busyPoll;
  private final Bench bench;
  private @Nullable Registration registration;
  private boolean deviceScheduled;
  private int deviceErrno;
  private boolean shared;

  /** Tells the time to all who note it. */
  interface Clock {

    /** CLOCK_MONOTONIC, in nanoseconds. */
    long now();
  }

  /** Hears of flows that carry nothing any more. */
  interface Ends {

    /**
     * A session is over.
     *
     * @param errno with {@link EndReason#ERROR}, else 0
     */
    void end(Session session, EndReason reason, int errno);
  }

  /**
   * @param waits whether nothing may leave for now; packets wait in the flows then
   */
  Carrier(
      DescriptorLoop loop,
      int tun,
      Device device,
      Outbound outbound,
      Inbound inbound,
      BooleanSupplier waits,
      Clock clock,
      Ends ends) {
    this.loop = loop;
    this.tun = tun;
    this.bench = device.bench();
    this.device = device;
    this.outbound = outbound;
    this.inbound = inbound;
    this.waits = waits;
    this.busyPoll = new BusyPoll(loop::everyTurn, clock::now, BUSY_POLL_MICROS);
    this.clock = clock;
    this.ends = ends;
  }

  /** Begins or goes on. */
  void thaw(Collection<Session> sessions) {
    registration = loop.register(tun, Readiness.EPOLLIN | Readiness.EPOLLET, ready -> fromDevice());
    sessions.forEach(this::begin);
    deviceLater();
  }

  /** Touches no packet any more. */
  void freeze(Collection<Session> sessions) {
    Registration own = registration;
    if (own != null) {
      own.cancel();
      registration = null;
    }
    sessions.forEach(Carrier::stop);
  }

  /** Whether another process may have to go on at any moment. */
  void share(boolean shared) {
    this.shared = shared;
  }

  /** A batch has passed, and an answer may follow soon. */
  private void passed(long nanos) {
    // While two processes share the processors, neither waits on one.
    if (!shared) {
      busyPoll.messagePassed(nanos);
    }
  }

  private boolean isFrozen() {
    return registration == null;
  }

  /** Carries the packets of a session's flow from here on, those first that wait in it. */
  void begin(Session session) {
    session.registration =
        loop.register(session.spec.flow(), FLOW_EVENTS, ready -> ready(session, ready));
    later(session, 0);
  }

  /** Does not touch a session's flow any more. Idempotent. */
  static void stop(Session session) {
    Registration own = session.registration;
    if (own != null) {
      own.cancel();
      session.registration = null;
    }
  }

  private void ready(Session session, int ready) {
    if ((ready & END_EVENTS) != 0) {
      session.ending = true;
    }
    if ((ready & Readiness.EPOLLOUT) != 0) {
      inbound.flush(session);
    }
    turn(session);
  }

  private void later(Session session, long nanos) {
    if (!session.scheduled) {
      session.scheduled = true;
      // Not as a task of this round of the loop, which would keep it from what is ready.
      loop.schedule(
          () -> {
            session.scheduled = false;
            turn(session);
          },
          nanos);
    }
  }

  private void turn(Session session) {
    for (int i = 0; i < TURN_BATCHES; i++) {
      if (session.registration == null) {
        return;
      }
      if (waits.getAsBoolean()) {
        later(session, WAIT_NANOS);
        return;
      }
      int count = session.port.receive(bench);
      if (count <= 0) {
        empty(session, -count);
        return;
      }
      long nanos = clock.now();
      session.record.activityNanos(nanos);
      outbound.carry(session, count, nanos);
      passed(nanos);
      if (session.ending && session.port.drained()) {
        ends.end(session, EndReason.EOF, 0);
        return;
      }
    }
    later(session, 0);
  }

  private void empty(Session session, int errno) {
    if (errno == Errno.EAGAIN || errno == 0) {
      if (session.ending) {
        ends.end(session, EndReason.EOF, 0);
      }
    } else if (session.spec.kind().isEnd(errno)) {
      // Told once; what the other end had sent before is still there.
      session.ending = true;
      later(session, 0);
    } else {
      ends.end(session, EndReason.ERROR, errno);
    }
  }

  private void fromDevice() {
    for (int i = 0; i < TURN_BATCHES; i++) {
      if (isFrozen()) {
        return;
      }
      int count = device.receive();
      if (count <= 0) {
        told(-count);
        return;
      }
      long nanos = clock.now();
      inbound.carry(count, nanos);
      passed(nanos);
    }
    deviceLater();
  }

  /** A tun that is down says EIO or EBADFD, until somebody switches it on again. */
  private void told(int errno) {
    if (errno != deviceErrno && errno != 0 && errno != Errno.EAGAIN) {
      log.error("nothing comes from the tun: {}", Errno.name(errno));
    }
    deviceErrno = errno;
  }

  private void deviceLater() {
    if (!deviceScheduled) {
      deviceScheduled = true;
      loop.schedule(
          () -> {
            deviceScheduled = false;
            fromDevice();
          },
          0);
    }
  }
}
