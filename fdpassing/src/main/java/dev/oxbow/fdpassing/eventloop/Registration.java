package dev.oxbow.fdpassing.eventloop;

import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.unix.FileDescriptor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A descriptor's place in the epoll set of one loop. It does not own the descriptor: cancel the
 * registration first, then close or send the descriptor, because an epoll entry lives as long as
 * the open file description and cannot be removed once its number is gone. Loop thread only.
 */
public final class Registration implements EpollIoHandle {
  private static final Logger log = LoggerFactory.getLogger(Registration.class);

  private final FileDescriptor fd;
  private final Readiness readiness;
  private @Nullable IoRegistration registration;
  private int wanted;

  Registration(int fd, Readiness readiness) {
    this.fd = new FileDescriptor(fd);
    this.readiness = readiness;
  }

  void registered(IoRegistration made) {
    registration = made;
  }

  /**
   * Changes which events are wanted: bits of {@link Readiness}. A system call, EPOLL_CTL_MOD, only
   * where that is a change; what is ready is told anew then, edge-triggered or not.
   */
  public void want(int events) {
    if (registration != null && events != wanted) {
      registration.submit(DescriptorLoop.ops(events));
      wanted = events;
    }
  }

  /** The events that are wanted now. */
  public int wanted() {
    return wanted;
  }

  /** Removes the descriptor from the epoll set (EPOLL_CTL_DEL). Idempotent. */
  public void cancel() {
    if (registration != null) {
      registration.cancel();
      registration = null;
    }
  }

  @Override
  public FileDescriptor fd() {
    return fd;
  }

  @Override
  public void handle(IoRegistration from, IoEvent event) {
    if (registration == null) {
      return;
    }
    try {
      readiness.ready(((EpollIoEvent) event).ops().value());
    } catch (RuntimeException e) {
      log.error("handler of descriptor {} failed", fd.intValue(), e);
    }
  }

  /** The loop ends: nothing to close here, the descriptor has its own owner. */
  @Override
  public void close() {
    cancel();
  }
}
