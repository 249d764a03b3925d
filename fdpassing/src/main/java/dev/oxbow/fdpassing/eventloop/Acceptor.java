package dev.oxbow.fdpassing.eventloop;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import java.net.InetAddress;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening TCP socket on an event loop. It can be handed over: connections wait in the kernel's
 * queue from {@link #stop()} here to {@link #start()} in another process. Made on any thread, then
 * loop thread only.
 */
public final class Acceptor {
  private static final Logger log = LoggerFactory.getLogger(Acceptor.class);

  // include/uapi/asm-generic/socket.h, include/uapi/linux/in6.h
  private static final int SO_REUSEADDR = 2;
  private static final int IPPROTO_IPV6 = 41;
  private static final int IPV6_V6ONLY = 26;
  private static final int IPV6_FREEBIND = 78;

  private static final int BACKLOG = 4096;
  private static final int ACCEPTS_PER_TURN = 64;

  /** How long to leave connections in the queue when no descriptor is left. */
  private static final long EXHAUSTED_PAUSE_NANOS = 50_000_000;

  private final Descriptor socket;
  private final DescriptorLoop loop;
  private final Consumer<Descriptor> accepted;
  private @Nullable Registration registration;
  private boolean exhausted;

  private Acceptor(Descriptor socket, DescriptorLoop loop, Consumer<Descriptor> accepted) {
    this.socket = socket;
    this.loop = loop;
    this.accepted = accepted;
  }

  /**
   * Binds and listens; on {@code ::} for IPv4, too. Connections wait until {@link #start()}.
   *
   * @param port 0 for one that the kernel chooses
   * @param accepted owns the non-blocking sockets that it is given, on the loop's thread
   * @throws LinuxException when the address cannot be listened on, such as EADDRINUSE
   */
  public static Acceptor listen(
      InetAddress address, int port, DescriptorLoop loop, Consumer<Descriptor> accepted) {
    return new Acceptor(bound(Sockaddr.of(address, port), BACKLOG, false), loop, accepted);
  }

  /**
   * Takes over a TCP socket that listens.
   *
   * @param socket non-blocking; owned by the new object
   * @param accepted as in {@link #listen}
   */
  public static Acceptor adopt(
      Descriptor socket, DescriptorLoop loop, Consumer<Descriptor> accepted) {
    return new Acceptor(socket, loop, accepted);
  }

  /** Begins to accept, or goes on. */
  public void start() {
    if (registration == null) {
      registration = loop.register(socket.fd(), Readiness.EPOLLIN, this::ready);
    }
  }

  /** Accepts no more; connections wait in the kernel's queue, for any process to accept them. */
  public void stop() {
    if (registration != null) {
      registration.cancel();
      registration = null;
    }
  }

  /** The port that it listens on, which the kernel has chosen for port 0. */
  public int port() {
    return Sockaddr.port(Sockets.localAddress(socket.fd()));
  }

  /** The listening socket, owned by this object. */
  public Descriptor socket() {
    return socket;
  }

  /** Stops to listen; connections that nobody has accepted are reset by the kernel. Idempotent. */
  public void close() {
    stop();
    socket.close();
  }

  private void ready(int events) {
    try {
      for (int i = 0; i < ACCEPTS_PER_TURN && registration != null; i++) {
        int fd = Sockets.accept(socket.fd());
        if (fd < 0) {
          return;
        }
        exhausted = false;
        accepted.accept(Descriptor.adopt(fd));
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.EMFILE && e.errno() != Errno.ENFILE && e.errno() != Errno.ENOMEM) {
        log.warn("listener {}: {}", socket, e.getMessage());
        return;
      }
      pause(e);
    }
  }

  /** Without free descriptors a level-triggered listener would spin. */
  private void pause(LinuxException e) {
    if (!exhausted) {
      exhausted = true;
      log.warn("listener {}: {}; new connections wait", socket, e.getMessage());
    }
    Registration paused = registration;
    if (paused != null) {
      paused.want(0);
      loop.schedule(
          () -> {
            if (registration == paused) {
              paused.want(Readiness.EPOLLIN);
            }
          },
          EXHAUSTED_PAUSE_NANOS);
    }
  }

  /**
   * A TCP socket that listens, non-blocking; the caller owns it. On {@code ::} for IPv4, too. Any
   * thread.
   *
   * @param backlog connections that wait in the kernel at most, listen(2)
   * @param freebind whether an IPv6 address will do that is not this machine's, or not yet: one is
   *     tentative until a worker of the kernel has looked at it
   * @throws LinuxException when the address cannot be listened on, such as EADDRINUSE
   */
  public static Descriptor bound(byte[] sockaddr, int backlog, boolean freebind) {
    int family = Sockaddr.family(sockaddr);
    Descriptor socket =
        Descriptor.adopt(Sockets.socket(family, Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK));
    try {
      Sockets.setOption(socket.fd(), Sockets.SOL_SOCKET, SO_REUSEADDR, 1);
      if (family == Sockets.AF_INET6) {
        Sockets.setOption(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
        Sockets.setOption(socket.fd(), IPPROTO_IPV6, IPV6_FREEBIND, freebind ? 1 : 0);
      }
      Sockets.bind(socket.fd(), sockaddr);
      Sockets.listen(socket.fd(), backlog);
      return socket;
    } catch (RuntimeException e) {
      socket.close();
      throw e;
    }
  }
}
