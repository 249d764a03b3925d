package dev.oxbow.splicer.relay;

import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import org.jspecify.annotations.Nullable;

/**
 * The two sockets of a relay: their place in the loop's epoll set and their file status flags. Loop
 * thread only.
 */
final class SocketPair {

  /** What the loop tells of one of them. */
  @FunctionalInterface
  interface Listener {
    void ready(Side side, int events);
  }

  private final RelayLoop loop;
  private final RelaySpec spec;
  private @Nullable Registration registrationA;
  private @Nullable Registration registrationB;

  SocketPair(RelayLoop loop, RelaySpec spec) {
    this.loop = loop;
    this.spec = spec;
  }

  int fd(Side side) {
    return side == Side.A ? spec.a() : spec.b();
  }

  boolean tcp(Side side) {
    return side == Side.A ? spec.tcpA() : spec.tcpB();
  }

  /** Takes both into the epoll set, which tells at once what they are ready for. */
  void register(Listener listener) {
    registrationA = loop.register(spec.a(), events -> listener.ready(Side.A, events));
    registrationB = loop.register(spec.b(), events -> listener.ready(Side.B, events));
  }

  boolean registered() {
    return registrationB != null;
  }

  /** Takes both out of the epoll set. */
  void deregister() {
    if (registrationA != null) {
      registrationA.cancel();
      registrationA = null;
    }
    if (registrationB != null) {
      registrationB.cancel();
      registrationB = null;
    }
  }

  /** For how long another process may have the same descriptors: no flag may make it block. */
  void share(boolean shared) {
    if (spec.guarded()) {
      int flag = shared ? Syscalls.O_NONBLOCK : 0;
      Syscalls.tryFcntl(spec.a(), Syscalls.F_SETFL, spec.flagsA() | flag);
      Syscalls.tryFcntl(spec.b(), Syscalls.F_SETFL, spec.flagsB() | flag);
    }
  }

  /** Gives both back the flags with which they came. */
  void restoreFlags() {
    if (!spec.guarded()) {
      Syscalls.tryFcntl(spec.a(), Syscalls.F_SETFL, spec.flagsA());
      Syscalls.tryFcntl(spec.b(), Syscalls.F_SETFL, spec.flagsB());
    }
  }

  /** The error that a socket holds, which forgets it; 0 for none. */
  int takeError(Side side) {
    return Sockets.tryOption(fd(side), 1, Sockets.SO_ERROR);
  }

  /** Whether a socket is a TCP connection that is no more. */
  boolean tcpClosed(Side side) {
    TcpInfo info = tcp(side) ? tcpInfo(side) : null;
    return info != null && info.get("state") == TcpInfo.TCP_CLOSE;
  }

  /** TCP_INFO of a socket, or null when it is not TCP. */
  @Nullable TcpInfo tcpInfo(Side side) {
    return loop.tcpInfo(fd(side));
  }
}
