package dev.oxbow.app.forward;

import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.service.runtime.StartException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A listening TCP socket on an event loop. Made on any thread, then loop thread only. */
final class Acceptor {
  private static final Logger log = LoggerFactory.getLogger(Acceptor.class);

  // include/uapi/asm-generic/socket.h, include/uapi/linux/in6.h
  private static final int SO_REUSEADDR = 2;
  private static final int IPPROTO_IPV6 = 41;
  private static final int IPV6_V6ONLY = 26;

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
   * Binds and listens; without a host on all addresses, of both families where there is IPv6.
   *
   * @param accepted owns the non-blocking sockets that it is given, on the loop's thread
   * @throws StartException when the address cannot be listened on
   */
  static Acceptor listen(Address address, DescriptorLoop loop, Consumer<Descriptor> accepted) {
    try {
      return new Acceptor(bound(address), loop, accepted);
    } catch (LinuxException | UnknownHostException e) {
      throw new StartException("Cannot listen on " + address + ": " + e.getMessage() + ".", e);
    }
  }

  /**
   * Takes over a TCP socket that listens.
   *
   * @param socket non-blocking; owned by the new object
   */
  static Acceptor adopt(Descriptor socket, DescriptorLoop loop, Consumer<Descriptor> accepted) {
    return new Acceptor(socket, loop, accepted);
  }

  /** The address that it listens on, with the port that the kernel chose for port 0. */
  String localAddress() {
    return String.valueOf(SocketAddresses.text(Sockets.localAddress(socket.fd())));
  }

  /** Begins to accept, or goes on. */
  void start() {
    if (registration == null) {
      registration = loop.register(socket.fd(), Readiness.EPOLLIN, this::ready);
    }
  }

  /** Accepts no more; connections wait in the kernel's queue, for any process to accept them. */
  void stop() {
    if (registration != null) {
      registration.cancel();
      registration = null;
    }
  }

  /** The listening socket, owned by this object. */
  Descriptor socket() {
    return socket;
  }

  /** Stops to listen; connections that nobody has accepted are reset by the kernel. Idempotent. */
  void close() {
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
        log.warn("{}: {}", localAddress(), e.getMessage());
        return;
      }
      pause(e);
    }
  }

  /** Without free descriptors a level-triggered listener would spin. */
  private void pause(LinuxException e) {
    if (!exhausted) {
      exhausted = true;
      log.warn("{}: {}; new connections wait", localAddress(), e.getMessage());
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

  private static Descriptor bound(Address address) throws UnknownHostException {
    if (!address.host().isEmpty()) {
      return bound(Sockaddr.of(InetAddress.getByName(address.host()), address.port()));
    }
    try {
      return bound(Sockaddr.of(InetAddress.getByName("::"), address.port()));
    } catch (LinuxException e) {
      if (e.errno() == Errno.EADDRINUSE || e.errno() == Errno.EACCES) {
        throw e;
      }
      log.debug("no IPv6 here", e);
      return bound(Sockaddr.of(InetAddress.getByName("0.0.0.0"), address.port()));
    }
  }

  private static Descriptor bound(byte[] sockaddr) {
    int family = Sockaddr.family(sockaddr);
    Descriptor socket =
        Descriptor.adopt(Sockets.socket(family, Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK));
    try {
      Sockets.setOption(socket.fd(), Sockets.SOL_SOCKET, SO_REUSEADDR, 1);
      if (family == Sockets.AF_INET6) {
        Sockets.setOption(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
      }
      Sockets.bind(socket.fd(), sockaddr);
      Sockets.listen(socket.fd(), BACKLOG);
      return socket;
    } catch (RuntimeException e) {
      socket.close();
      throw e;
    }
  }
}
