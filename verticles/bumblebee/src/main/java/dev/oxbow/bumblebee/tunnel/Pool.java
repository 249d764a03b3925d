package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.PacketView;

/**
 * Which address and port stands for which connection inside the namespace. It is arithmetic, so
 * that the way back needs no table: the address tells the tunnel's place, and address and port
 * together the place of the connection in the group's region.
 *
 * <pre>
 *  IPv4   10 . place (16 bits) . host        host 1 and up: connections; 254: the tun itself
 *  IPv6   fd6f:7862:6f77:  place (32 bits) :: host
 *  port   1024 + connection % 64512          host = 1 + connection / 64512
 *  the listener: 10.255.255.1 and fd6f:7862:6f77:ffff::1, port 7
 * </pre>
 *
 * Addresses are as {@link PacketView} gives them, in two longs.
 */
final class Pool {

  /** Places of tunnels at most; the last of the 65,536 prefixes is the listener's. */
  static final int MAX_SLOTS = 0xff00;

  /** Length of a tunnel's IPv4 prefix. */
  static final int PREFIX_BITS_4 = 24;

  /** Length of a tunnel's IPv6 prefix. */
  static final int PREFIX_BITS_6 = 96;

  /** Where the listeners listen; any port will do. */
  static final int LISTENER_PORT = 7;

  private static final long V6_HIGH = 0xfd6f_7862_6f77_0000L;
  private static final long TEN = 10L << 24;
  private static final int FIRST_PORT = 1024;
  private static final int PORTS = 65_536 - FIRST_PORT;
  private static final int DEVICE_HOST = 254;

  static final long LISTENER_HIGH_6 = V6_HIGH | 0xffff;
  static final long LISTENER_LOW_6 = 1;
  static final long LISTENER_LOW_4 = PacketView.V4_LOW | TEN | 0xffff << 8 | 1;

  private Pool() {}

  /** The high half of a tunnel's addresses. */
  static long high(int version) {
    return version == 4 ? PacketView.V4_HIGH : V6_HIGH;
  }

  /** The low half of the address of a connection. */
  static long low(int version, int slot, int connection) {
    return address(version, slot, 1 + connection / PORTS);
  }

  static int port(int connection) {
    return FIRST_PORT + connection % PORTS;
  }

  /** The low half of the address of a tunnel's device. */
  static long device(int version, int slot) {
    return address(version, slot, DEVICE_HOST);
  }

  private static long address(int version, int slot, int host) {
    return version == 4
        ? PacketView.V4_LOW | TEN | (long) slot << 8 | host
        : (long) slot << 32 | host;
  }

  static long listenerHigh(int version) {
    return version == 4 ? PacketView.V4_HIGH : LISTENER_HIGH_6;
  }

  static long listenerLow(int version) {
    return version == 4 ? LISTENER_LOW_4 : LISTENER_LOW_6;
  }

  /** The place of the tunnel that an address belongs to. */
  static int slot(int version, long low) {
    return version == 4 ? (int) (low >>> 8) & 0xffff : (int) (low >>> 32);
  }

  /** The place of the connection that an address and a port stand for; negative for none. */
  static int connection(int version, long low, int port) {
    int host = version == 4 ? (int) low & 0xff : (int) low;
    boolean known = host >= 1 && host < DEVICE_HOST && port >= FIRST_PORT;
    return known ? (host - 1) * PORTS + port - FIRST_PORT : -1;
  }

  /** The bytes of an address in network order, 4 or 16. */
  static byte[] bytes(int version, long high, long low) {
    byte[] bytes = new byte[version == 4 ? 4 : 16];
    for (int i = 0; i < bytes.length; i++) {
      int fromEnd = bytes.length - 1 - i;
      bytes[i] = (byte) (fromEnd < 8 ? low >>> (8 * fromEnd) : high >>> (8 * (fromEnd - 8)));
    }
    return bytes;
  }
}
