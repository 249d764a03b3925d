package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import org.jspecify.annotations.Nullable;

/**
 * Both sockets of a relay in the epoll set of its loop. A direction waits for its source to be
 * readable, or, when its destination took no more, for that to be writable; never for both, because
 * that wakes the loop for nothing: a source gets readable many times while the destination is
 * blocked, and a destination is writable nearly always, so that epoll would also tell of a source
 * whose segments have all been read. Loop thread only.
 */
final class PolledSockets {

  /** The kernel wakes who wants EPOLLPRI for any data, sock_def_readable() in net/core/sock.c. */
  private static final int READING = Readiness.EPOLLIN | Readiness.EPOLLPRI;

  private static final int EVENTS = READING | Readiness.EPOLLRDHUP | Readiness.EPOLLET;

  private @Nullable Registration a;
  private @Nullable Registration b;

  /** Takes both into the epoll set, which tells at once what can be read. */
  void register(RelayLoop loop, RelaySpec spec, Readiness readyA, Readiness readyB) {
    a = loop.register(spec.a(), EVENTS, readyA);
    b = loop.register(spec.b(), EVENTS, readyB);
  }

  /** Whether both are in the epoll set. */
  boolean registered() {
    return b != null;
  }

  /** Takes both out of the epoll set. Idempotent. */
  void cancel() {
    if (a != null) {
      a.cancel();
      a = null;
    }
    if (b != null) {
      b.cancel();
      b = null;
    }
  }

  /**
   * A side takes nothing for now: epoll shall say when it does, and nothing of the other's data.
   */
  void awaitWritable(Side side) {
    want(side, Readiness.EPOLLOUT, 0);
    want(side.other(), 0, READING);
  }

  /** A side takes something again: epoll shall say when there is something at the other. */
  void awaitReadable(Side side) {
    want(side.other(), 0, Readiness.EPOLLOUT);
    want(side, READING, 0);
  }

  private void want(Side side, int more, int less) {
    Registration registration = side == Side.A ? a : b;
    if (registration != null) {
      registration.want((registration.wanted() | more) & ~less);
    }
  }
}
