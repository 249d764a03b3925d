package dev.oxbow.fdpassing.libc;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * struct sockaddr_in and sockaddr_in6, ip(7) and ipv6(7), as {@link Sockets} takes them.
 *
 * <pre>
 * v4   0 family   2 port (big-endian)   4 address
 * v6   0 family   2 port (big-endian)   4 flowinfo   8 address (16)   24 scope id
 * </pre>
 */
public final class Sockaddr {
  private static final int V4_BYTES = 16;
  private static final int V6_BYTES = 28;

  private Sockaddr() {}

  /**
   * The address of a socket.
   *
   * @param port 0 to 65535
   */
  public static byte[] of(InetAddress address, int port) {
    boolean v6 = address instanceof Inet6Address;
    ByteBuffer out = ByteBuffer.allocate(v6 ? V6_BYTES : V4_BYTES).order(ByteOrder.nativeOrder());
    out.putShort(0, (short) (v6 ? Sockets.AF_INET6 : Sockets.AF_INET));
    out.put(2, (byte) (port >> 8)).put(3, (byte) port);
    out.put(v6 ? 8 : 4, address.getAddress());
    if (address instanceof Inet6Address scoped) {
      out.putInt(24, scoped.getScopeId());
    }
    return out.array();
  }

  /** AF_INET or AF_INET6. */
  public static int family(byte[] sockaddr) {
    return ByteBuffer.wrap(sockaddr).order(ByteOrder.nativeOrder()).getShort(0);
  }

  /** 0 to 65535. */
  public static int port(byte[] sockaddr) {
    return (sockaddr[2] & 0xff) << 8 | (sockaddr[3] & 0xff);
  }
}
