package dev.oxbow.codecs.netlink;

/**
 * A route without a gateway.
 *
 * @param type RTN_UNICAST, RTN_LOCAL, RTN_BLACKHOLE, ... of {@link RouteMessages}
 * @param destination the prefix, 4 or 16 bytes
 * @param prefixLength 0 to 32 or 128
 * @param interfaceIndex 0 for none
 * @param table RT_TABLE_MAIN, RT_TABLE_LOCAL or any other, not 0
 * @param metric RTA_PRIORITY; smaller wins; 0 for the kernel's own (0, for IPv6 1,024)
 */
public record Route(
    int type, byte[] destination, int prefixLength, int interfaceIndex, int table, int metric) {

  public Route {
    RouteMessages.family(destination);
    if (prefixLength < 0 || prefixLength > 8 * destination.length) {
      throw new NetlinkException("prefixLength " + prefixLength);
    }
  }

  /** Whether two prefixes have an address in common. */
  public boolean overlaps(byte[] prefix, int length) {
    if (prefix.length != destination.length) {
      return false;
    }
    int bits = Math.min(length, prefixLength);
    for (int i = 0; i < (bits + 7) / 8; i++) {
      int mask = 0xff << Math.max(0, 8 * (i + 1) - bits);
      if (((prefix[i] ^ destination[i]) & mask & 0xff) != 0) {
        return false;
      }
    }
    return true;
  }
}
