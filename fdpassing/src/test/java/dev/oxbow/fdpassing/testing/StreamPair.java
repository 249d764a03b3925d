package dev.oxbow.fdpassing.testing;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Two connected stream sockets, non-blocking and close-on-exec.
 *
 * @param near the end to give away: for TCP the accepted one
 * @param far the end that plays the remote peer: for TCP the one that connected
 */
public record StreamPair(Descriptor near, Descriptor far) implements AutoCloseable {

  /** What kinds there are, for parameterized tests. */
  public enum Kind {
    /** TCP over 127.0.0.1. */
    TCP4,
    /** TCP over ::1. */
    TCP6,
    /** AF_UNIX, without a name. */
    UNIX;

    /** Makes a pair of this kind. */
    public StreamPair open() {
      return switch (this) {
        case TCP4 -> tcp4();
        case TCP6 -> tcp6();
        case UNIX -> unix();
      };
    }

    /** Whether it is one of TCP. */
    public boolean isTcp() {
      return this != UNIX;
    }
  }

  private static final int TIMEOUT_MS = 5_000;

  /** Two ends of a TCP connection over 127.0.0.1. */
  public static StreamPair tcp4() {
    return tcp(Sockets.AF_INET, loopback4(0));
  }

  /** Two ends of a TCP connection over ::1. */
  public static StreamPair tcp6() {
    return tcp(Sockets.AF_INET6, loopback6(0));
  }

  /** socketpair(2). */
  public static StreamPair unix() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK);
    return new StreamPair(Descriptor.adopt((int) ends), Descriptor.adopt((int) (ends >>> 32)));
  }

  /** struct sockaddr_in of 127.0.0.1, ip(7). */
  public static byte[] loopback4(int port) {
    ByteBuffer address = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder());
    address.putShort(0, (short) Sockets.AF_INET).put(4, (byte) 127).put(7, (byte) 1);
    return address.put(2, (byte) (port >> 8)).put(3, (byte) port).array();
  }

  /** struct sockaddr_in6 of ::1, ipv6(7). */
  public static byte[] loopback6(int port) {
    ByteBuffer address = ByteBuffer.allocate(28).order(ByteOrder.nativeOrder());
    address.putShort(0, (short) Sockets.AF_INET6).put(23, (byte) 1);
    return address.put(2, (byte) (port >> 8)).put(3, (byte) port).array();
  }

  /** The far end as a peer; it owns that end from here on, and closing both is no harm. */
  public TestPeer peer() {
    return new TestPeer(far);
  }

  /** Closes what is still open of both ends. */
  @Override
  public void close() {
    near.close();
    far.close();
  }

  private static StreamPair tcp(int family, byte[] anyPort) {
    int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
    Descriptor far = Descriptor.adopt(Sockets.socket(family, type));
    try (Descriptor listener = Descriptor.adopt(Sockets.socket(family, type))) {
      Sockets.bind(listener.fd(), anyPort);
      Sockets.listen(listener.fd(), 1);
      Sockets.connect(far.fd(), Sockets.localAddress(listener.fd()));
      Sockets.poll(listener.fd(), Sockets.POLLIN, TIMEOUT_MS);
      Descriptor near = Descriptor.adopt(Sockets.accept(listener.fd()));
      Sockets.poll(far.fd(), Sockets.POLLOUT, TIMEOUT_MS);
      int error = Sockets.option(far.fd(), Sockets.SOL_SOCKET, Sockets.SO_ERROR);
      if (error != 0) {
        near.close();
        throw new IllegalStateException("connect failed with errno " + error);
      }
      return new StreamPair(near, far);
    } catch (RuntimeException e) {
      far.close();
      throw e;
    }
  }
}
