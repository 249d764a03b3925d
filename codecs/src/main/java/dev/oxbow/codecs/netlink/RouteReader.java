package dev.oxbow.codecs.netlink;

/** Reads RTM_NEWROUTE. */
public final class RouteReader {
  private final Attributes attributes = new Attributes();

  /**
   * The route that a reader stands on; its gateway, if any, is left out.
   *
   * @throws NetlinkException when it is malformed or of another family than IPv4 and IPv6
   */
  public Route read(NetlinkReader message) {
    int at = message.body("rtmsg", RouteMessages.RTMSG_BYTES);
    int family = message.buffer().get(at) & 0xff;
    if (family != RouteMessages.AF_INET && family != RouteMessages.AF_INET6) {
      throw new NetlinkException("rtm_family " + family);
    }
    int prefixLength = message.buffer().get(at + 1) & 0xff;
    int table = message.buffer().get(at + 4) & 0xff;
    int type = message.buffer().get(at + 7) & 0xff;
    byte[] destination = new byte[family == RouteMessages.AF_INET ? 4 : 16];
    int index = 0;
    int metric = 0;
    message.attributes(attributes, RouteMessages.RTMSG_BYTES);
    while (attributes.next()) {
      switch (attributes.type()) {
        case RouteMessages.RTA_DST -> destination = attributes.bytes();
        case RouteMessages.RTA_OIF -> index = attributes.u32();
        case RouteMessages.RTA_PRIORITY -> metric = attributes.u32();
        case RouteMessages.RTA_TABLE -> table = attributes.u32();
        default -> {
          // Gateways, metrics and the like do not matter here.
        }
      }
    }
    return new Route(type, destination, prefixLength, index, table, metric);
  }
}
