package dev.oxbow.fdpassing.eventloop;

/** Told by the event loop that a registered descriptor is ready, epoll_ctl(2). */
@FunctionalInterface
public interface Readiness {
  // include/uapi/linux/eventpoll.h
  int EPOLLIN = 0x1;
  int EPOLLPRI = 0x2;
  int EPOLLOUT = 0x4;
  int EPOLLERR = 0x8;
  int EPOLLHUP = 0x10;
  int EPOLLRDHUP = 0x2000;
  int EPOLLET = 1 << 31;

  /**
   * Called on the loop's thread. An exception is logged and goes no further.
   *
   * @param events the bits that epoll reports
   */
  void ready(int events);
}
