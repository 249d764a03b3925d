package dev.oxbow.codecs.tcp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** struct sockaddr_in and sockaddr_in6, ip(7) and ipv6(7), as text. */
public final class SocketAddresses {
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;

  private SocketAddresses() {}

  /**
   * {@code 10.0.0.1:443} or {@code [2001:db8::1]:443} (RFC 5952); an IPv4 address mapped into IPv6
   * is shown as IPv4, a link-local one with its interface's number.
   *
   * @param sockaddr as getsockname(2) filled it in
   * @return null for other families
   */
  public static @Nullable String text(byte[] sockaddr) {
    ByteBuffer in = ByteBuffer.wrap(sockaddr).order(ByteOrder.nativeOrder());
    int family = sockaddr.length < 2 ? 0 : in.getShort(0);
    if (family == AF_INET && sockaddr.length >= 8) {
      return v4(sockaddr, 4) + ":" + port(sockaddr);
    }
    if (family != AF_INET6 || sockaddr.length < 28) {
      return null;
    }
    if (mapped(sockaddr)) {
      return v4(sockaddr, 20) + ":" + port(sockaddr);
    }
    int scope = in.getInt(24);
    return "[" + v6(sockaddr, 8) + (scope == 0 ? "" : "%" + scope) + "]:" + port(sockaddr);
  }

  /**
   * {@code 10.0.0.1} or {@code 2001:db8::1} (RFC 5952).
   *
   * @param high of the address; an IPv4 address is mapped into IPv6 (::ffff:a.b.c.d)
   * @param low of the address
   */
  public static String address(long high, long low) {
    byte[] bytes = ByteBuffer.allocate(16).putLong(high).putLong(low).array();
    return high == 0 && low >>> 32 == 0xffff ? v4(bytes, 12) : v6(bytes, 0);
  }

  /** As {@link #address}, with a port: {@code 10.0.0.1:443}, {@code [2001:db8::1]:443}. */
  public static String text(long high, long low, int port) {
    String address = address(high, low);
    return (address.indexOf(':') < 0 ? address : "[" + address + "]") + ":" + port;
  }

  private static int port(byte[] sockaddr) {
    return (sockaddr[2] & 0xff) << 8 | (sockaddr[3] & 0xff);
  }

  private static boolean mapped(byte[] sockaddr) {
    for (int i = 8; i < 18; i++) {
      if (sockaddr[i] != 0) {
        return false;
      }
    }
    return sockaddr[18] == -1 && sockaddr[19] == -1;
  }

  private static String v4(byte[] bytes, int at) {
    return (bytes[at] & 0xff)
        + "."
        + (bytes[at + 1] & 0xff)
        + "."
        + (bytes[at + 2] & 0xff)
        + "."
        + (bytes[at + 3] & 0xff);
  }

  private static String v6(byte[] bytes, int at) {
    int[] groups = new int[8];
    for (int i = 0; i < 8; i++) {
      groups[i] = (bytes[at + 2 * i] & 0xff) << 8 | (bytes[at + 2 * i + 1] & 0xff);
    }
    int zerosAt = -1;
    int zeros = 1;
    for (int i = 0; i < 8; i++) {
      int run = 0;
      while (i + run < 8 && groups[i + run] == 0) {
        run++;
      }
      if (run > zeros) {
        zeros = run;
        zerosAt = i;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      if (i == zerosAt) {
        text.append("::");
        i += zeros - 1;
        continue;
      }
      if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
        text.append(':');
      }
      text.append(Integer.toHexString(groups[i]));
    }
    return text.toString();
  }
}
