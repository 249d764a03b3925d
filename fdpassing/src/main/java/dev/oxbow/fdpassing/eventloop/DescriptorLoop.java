package dev.oxbow.fdpassing.eventloop;

import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.vertx.core.Context;
import io.vertx.core.internal.ContextInternal;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/** The event loop of a Vert.x context, as a place for descriptors, tasks and timers. */
public final class DescriptorLoop {
  private final IoEventLoop loop;

  private DescriptorLoop(IoEventLoop loop) {
    this.loop = loop;
  }

  /**
   * The loop of a context.
   *
   * @throws IllegalStateException naming the cause, when Vert.x does not run on Netty's native
   *     epoll transport (set {@code VertxOptions.setPreferNativeTransport(true)})
   */
  public static DescriptorLoop of(Context context) {
    EventLoop loop = ((ContextInternal) context).nettyEventLoop();
    if (loop instanceof IoEventLoop ioLoop && ioLoop.isCompatible(EpollIoHandle.class)) {
      return new DescriptorLoop(ioLoop);
    }
    throw new IllegalStateException(
        "this Vert.x does not use native epoll: " + whyNoEpoll(), Epoll.unavailabilityCause());
  }

  /** Why a Vert.x of this process is without native epoll: Netty's reason, or what to set. */
  public static String whyNoEpoll() {
    if (Epoll.isAvailable()) {
      return "create it with VertxOptions.setPreferNativeTransport(true)";
    }
    return String.valueOf(Epoll.unavailabilityCause());
  }

  /** Whether Netty's native epoll can be used in this process. */
  public static boolean epollAvailable() {
    return Epoll.isAvailable();
  }

  /** Whether the calling thread is this loop's. */
  public boolean inLoop() {
    return loop.inEventLoop();
  }

  /** Runs a task on the loop, soon. Any thread. */
  public void execute(Runnable task) {
    loop.execute(task);
  }

  /** As {@link #execute}, for whoever may outlive the loop: false when it has ended. Any thread. */
  public boolean tryExecute(Runnable task) {
    try {
      loop.execute(task);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** Runs a task on the loop at once when called there, else soon. Any thread. */
  public void run(Runnable task) {
    if (loop.inEventLoop()) {
      task.run();
    } else {
      loop.execute(task);
    }
  }

  /** Runs a task on the loop later. Any thread. */
  public Timer schedule(Runnable task, long delayNanos) {
    var scheduled = loop.schedule(task, Math.max(0, delayNanos), TimeUnit.NANOSECONDS);
    return () -> scheduled.cancel(false);
  }

  /**
   * Runs a task in every turn of the loop, which does not sleep until the timer is cancelled: the
   * task must do that soon. Nothing is allocated per turn. Loop thread only.
   */
  public Timer everyTurn(Runnable task) {
    var scheduled = loop.scheduleWithFixedDelay(task, 0, 1, TimeUnit.NANOSECONDS);
    return () -> scheduled.cancel(false);
  }

  /**
   * Puts a descriptor into the loop's epoll set. Loop thread only.
   *
   * @param fd registered only once; owned by the caller, who cancels the registration before
   *     closing it
   * @param events bits of {@link Readiness}; with EPOLLET edge-triggered
   * @throws IllegalStateException naming the descriptor, when it cannot be polled (EPERM, for a
   *     file or a memfd, epoll_ctl(2)) or when the loop has ended
   */
  public Registration register(int fd, int events, Readiness readiness) {
    if (!loop.inEventLoop()) {
      throw new IllegalStateException("registration outside of the loop's thread");
    }
    Registration handle = new Registration(fd, readiness);
    io.netty.util.concurrent.Future<IoRegistration> made = loop.register(handle);
    if (!made.isSuccess()) {
      throw new IllegalStateException("descriptor " + fd + " not registered", made.cause());
    }
    handle.registered(made.getNow());
    try {
      // Only now Netty calls epoll_ctl.
      handle.want(events);
      return handle;
    } catch (RuntimeException e) {
      handle.cancel();
      throw new IllegalStateException("descriptor " + fd + " not registered", e);
    }
  }

  static EpollIoOps ops(int events) {
    // Never 0: Netty takes that for EPOLL_CTL_DEL and cannot add the descriptor again.
    return EpollIoOps.valueOf(events | Readiness.EPOLLERR);
  }
}
