package dev.oxbow.codecs.netlink;

import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_ACK;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_CREATE;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_DUMP;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_EXCL;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_REQUEST;

/**
 * Requests to rtnetlink(7) about links, addresses and routes, as iproute2 sends them. Each method
 * appends one whole message. Addresses are raw, of 4 or 16 bytes.
 *
 * <pre>
 * struct ifinfomsg  0 family  2 type  4 index  8 flags  12 change
 * struct ifaddrmsg  0 family  1 prefixlen  2 flags  3 scope  4 index
 * struct rtmsg      0 family  1 dst_len  2 src_len  3 tos  4 table  5 protocol  6 scope  7 type
 *                   8 flags
 * </pre>
 */
public final class RouteMessages {

  // include/uapi/linux/rtnetlink.h
  public static final int RTM_NEWLINK = 16;
  public static final int RTM_DELLINK = 17;
  public static final int RTM_GETLINK = 18;
  public static final int RTM_NEWADDR = 20;
  public static final int RTM_DELADDR = 21;
  public static final int RTM_GETADDR = 22;
  public static final int RTM_NEWROUTE = 24;
  public static final int RTM_DELROUTE = 25;
  public static final int RTM_GETROUTE = 26;
  public static final int RT_TABLE_MAIN = 254;
  public static final int RT_TABLE_LOCAL = 255;
  public static final int RTN_UNICAST = 1;
  public static final int RTN_LOCAL = 2;
  public static final int RTN_BLACKHOLE = 6;
  public static final int RTN_UNREACHABLE = 7;

  static final int AF_INET = 2;
  static final int AF_INET6 = 10;
  static final int IFINFOMSG_BYTES = 16;
  static final int IFADDRMSG_BYTES = 8;
  static final int RTMSG_BYTES = 12;
  static final int RTA_DST = 1;
  static final int RTA_OIF = 4;
  static final int RTA_PRIORITY = 6;
  static final int RTA_TABLE = 15;
  static final int IFA_ADDRESS = 1;
  static final int IFA_LOCAL = 2;
  static final int IFLA_IFNAME = 3;
  static final int IFLA_MTU = 4;
  static final int IFLA_TXQLEN = 13;
  static final int IFLA_STATS64 = 23;
  static final int IFLA_EXT_MASK = 29;

  private static final int IFF_UP = 1;
  private static final int RTPROT_BOOT = 3;
  private static final int RT_SCOPE_UNIVERSE = 0;
  private static final int RT_SCOPE_LINK = 253;
  private static final int RT_SCOPE_HOST = 254;
  private static final int RT_SCOPE_NOWHERE = 255;
  private static final int RTEXT_FILTER_SKIP_STATS = 8;

  private RouteMessages() {}

  /**
   * Sets a link up, with its MTU and the length of its send queue in packets; 0 leaves either as it
   * is. As {@code ip link set dev X txqueuelen N mtu N up}.
   */
  public static void linkUp(NetlinkWriter out, int index, int mtu, int txQueueLength) {
    out.begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);
    ifinfomsg(out, index, IFF_UP, IFF_UP);
    if (txQueueLength != 0) {
      out.u32(IFLA_TXQLEN, txQueueLength);
    }
    if (mtu != 0) {
      out.u32(IFLA_MTU, mtu);
    }
    out.end();
  }

  /** Removes a link. */
  public static void linkDelete(NetlinkWriter out, int index) {
    out.begin(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
    ifinfomsg(out, index, 0, 0);
    out.end();
  }

  /** Asks for one link by name; answered with one RTM_NEWLINK, see {@link LinkReader}. */
  public static void linkByName(NetlinkWriter out, String name) {
    out.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK);
    ifinfomsg(out, 0, 0, 0);
    out.string(IFLA_IFNAME, name).end();
  }

  /**
   * Asks for all links, see {@link LinkReader}.
   *
   * @param stats whether with counters
   */
  public static void linkDump(NetlinkWriter out, boolean stats) {
    out.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
    ifinfomsg(out, 0, 0, 0);
    out.u32(IFLA_EXT_MASK, stats ? 0 : RTEXT_FILTER_SKIP_STATS).end();
  }

  /** Gives a link an address; EEXIST if it has it. As {@code ip address add}. */
  public static void addressAdd(NetlinkWriter out, int index, byte[] address, int prefixLength) {
    address(out, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address, prefixLength);
  }

  /** Takes an address from a link. */
  public static void addressDelete(NetlinkWriter out, int index, byte[] address, int prefixLength) {
    address(out, RTM_DELADDR, 0, index, address, prefixLength);
  }

  /** Asks for all addresses of both families, see {@link AddressReader}. */
  public static void addressDump(NetlinkWriter out) {
    out.begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP).zeros(IFADDRMSG_BYTES).end();
  }

  /** Adds a route; EEXIST if there is one to the same prefix. As {@code ip route add}. */
  public static void routeAdd(NetlinkWriter out, Route route) {
    out.begin(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    route(out, route, RTPROT_BOOT, scope(route));
  }

  /** Removes a route. As {@code ip route del}. */
  public static void routeDelete(NetlinkWriter out, Route route) {
    out.begin(RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK);
    route(out, route, 0, RT_SCOPE_NOWHERE);
  }

  /** Asks for all routes of both families, see {@link RouteReader}. */
  public static void routeDump(NetlinkWriter out) {
    out.begin(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP).zeros(RTMSG_BYTES).end();
  }

  static int family(byte[] address) {
    return switch (address.length) {
      case 4 -> AF_INET;
      case 16 -> AF_INET6;
      default -> throw new NetlinkException("address of " + address.length + " bytes");
    };
  }

  private static void ifinfomsg(NetlinkWriter out, int index, int flags, int change) {
    out.zeros(4).putInt(index).putInt(flags).putInt(change);
  }

  private static void address(
      NetlinkWriter out, int type, int flags, int index, byte[] address, int prefixLength) {
    out.begin(type, NLM_F_REQUEST | NLM_F_ACK | flags);
    out.putByte(family(address)).putByte(prefixLength).putByte(0).putByte(RT_SCOPE_UNIVERSE);
    out.putInt(index).bytes(IFA_LOCAL, address).bytes(IFA_ADDRESS, address).end();
  }

  private static void route(NetlinkWriter out, Route route, int protocol, int scope) {
    boolean wide = route.table() > 0xff;
    out.putByte(family(route.destination())).putByte(route.prefixLength()).zeros(2);
    out.putByte(wide ? 0 : route.table()).putByte(protocol).putByte(scope).putByte(route.type());
    out.putInt(0);
    if (route.prefixLength() > 0) {
      out.bytes(RTA_DST, route.destination());
    }
    if (wide) {
      out.u32(RTA_TABLE, route.table());
    }
    if (route.metric() != 0) {
      out.u32(RTA_PRIORITY, route.metric());
    }
    if (route.interfaceIndex() != 0) {
      out.u32(RTA_OIF, route.interfaceIndex());
    }
    out.end();
  }

  /** As iproute2 chooses it. IPv6 knows none. */
  private static int scope(Route route) {
    if (route.destination().length != 4) {
      return RT_SCOPE_UNIVERSE;
    }
    return switch (route.type()) {
      case RTN_LOCAL -> RT_SCOPE_HOST;
      case RTN_UNICAST -> RT_SCOPE_LINK;
      default -> RT_SCOPE_UNIVERSE;
    };
  }
}
