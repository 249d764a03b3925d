package dev.oxbow.codecs.netlink;

/**
 * Reads RTM_NEWLINK in place; one object serves any number of messages.
 *
 * <pre>
 * struct rtnl_link_stats64   0 rx_packets  8 tx_packets  16 rx_bytes  24 tx_bytes  32 rx_errors
 *                           40 tx_errors  48 rx_dropped  56 tx_dropped
 * </pre>
 */
public final class LinkReader {
  private static final int TX_DROPPED = 56;
  private static final int IFF_UP = 1;

  private final Attributes attributes = new Attributes();
  private int index;
  private int flags;
  private String name = "";
  private int mtu;
  private int txQueueLength;
  private long rxPackets;
  private long txPackets;
  private long rxDropped;
  private long txDropped;

  /**
   * Takes over the link that a reader stands on. Counters are 0 when the message has none.
   *
   * @throws NetlinkException when it is malformed
   */
  public LinkReader read(NetlinkReader message) {
    int at = message.body("ifinfomsg", RouteMessages.IFINFOMSG_BYTES);
    index = message.buffer().getInt(at + 4);
    flags = message.buffer().getInt(at + 8);
    name = "";
    mtu = 0;
    txQueueLength = 0;
    rxPackets = 0;
    txPackets = 0;
    rxDropped = 0;
    txDropped = 0;
    message.attributes(attributes, RouteMessages.IFINFOMSG_BYTES);
    while (attributes.next()) {
      switch (attributes.type()) {
        case RouteMessages.IFLA_IFNAME -> name = attributes.string();
        case RouteMessages.IFLA_MTU -> mtu = attributes.u32();
        case RouteMessages.IFLA_TXQLEN -> txQueueLength = attributes.u32();
        case RouteMessages.IFLA_STATS64 -> stats(message);
        default -> {
          // A link has dozens of others.
        }
      }
    }
    return this;
  }

  private void stats(NetlinkReader message) {
    if (attributes.length() < TX_DROPPED + Long.BYTES) {
      throw new NetlinkException("rtnl_link_stats64 of " + attributes.length() + " bytes");
    }
    rxPackets = message.buffer().getLong(attributes.offset());
    txPackets = message.buffer().getLong(attributes.offset() + 8);
    rxDropped = message.buffer().getLong(attributes.offset() + 48);
    txDropped = message.buffer().getLong(attributes.offset() + TX_DROPPED);
  }

  /** Its number. */
  public int index() {
    return index;
  }

  /** Whether it is set up (IFF_UP). */
  public boolean isUp() {
    return (flags & IFF_UP) != 0;
  }

  /** Its name, such as {@code eth0}. */
  public String name() {
    return name;
  }

  /** In bytes. */
  public int mtu() {
    return mtu;
  }

  /** In packets. */
  public int txQueueLength() {
    return txQueueLength;
  }

  /** Packets that the kernel received from the link: for a tun what was written to it. */
  public long rxPackets() {
    return rxPackets;
  }

  /** Packets that the kernel sent to the link: for a tun what can be read from it. */
  public long txPackets() {
    return txPackets;
  }

  /** Received packets that the kernel had no room for. */
  public long rxDropped() {
    return rxDropped;
  }

  /** Packets that did not fit into the send queue: for a tun nobody has read it in time. */
  public long txDropped() {
    return txDropped;
  }
}
