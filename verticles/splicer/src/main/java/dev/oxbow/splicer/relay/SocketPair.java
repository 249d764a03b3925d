package dev.oxbow.splicer.relay;

import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import org.jspecify.annotations.Nullable;

/**
 * The two sockets of a relay: their place in the loop's epoll set and their file status flags. Loop
 * thread only.
 */
final class SocketPair {

  private final RelayLoop loop;
  private final RelaySpec spec;
  private final PolledSockets polled = new PolledSockets();

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

  /** Their place in the epoll set. */
  PolledSockets polled() {
    return polled;
  }

  /** Takes both into the epoll set, which tells at once what can be read. */
  void register(Readiness a, Readiness b) {
    polled.register(loop, spec, a, b);
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
