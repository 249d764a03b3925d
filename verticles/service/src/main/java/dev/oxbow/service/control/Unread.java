package dev.oxbow.service.control;

import dev.oxbow.fdpassing.message.PacketChannel;
import dev.oxbow.service.quota.Flight;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The descriptors that one connection's peer has not received yet. The kernel tells only how many
 * bytes it has not (SIOCOUTQ), with what it adds to each packet; from the newest packet backwards,
 * those that fit into so much are taken for unread. Control loop only.
 */
final class Unread {

  /** The kernel adds at least so much to a packet: struct sk_buff and skb_shared_info. */
  private static final int OVERHEAD_BYTES = 512;

  private final PacketChannel channel;
  private final Flight flight;
  private final Runnable look = this::look;
  private final Deque<Sent> sent = new ArrayDeque<>();
  private long bytes;
  private int descriptors;

  private record Sent(int bytes, int descriptors) {}

  Unread(PacketChannel channel, Flight flight) {
    this.channel = channel;
    this.flight = flight;
  }

  /**
   * Whether a packet with so many descriptors may be sent now. One may always, so that no peer that
   * reads waits for others that do not.
   */
  boolean admits(int more) {
    if (descriptors > 0) {
      look();
    }
    return descriptors == 0 || (descriptors + more <= flight.perConnection() && flight.free());
  }

  /** Such a packet was sent, of so many bytes. */
  void sent(int packetBytes, int attached) {
    if (sent.isEmpty()) {
      flight.track(look);
    }
    sent.add(new Sent(packetBytes + OVERHEAD_BYTES, attached));
    bytes += packetBytes + OVERHEAD_BYTES;
    descriptors += attached;
    flight.add(attached);
  }

  private void look() {
    forget(channel.isOpen() ? channel.unread() : 0);
  }

  /** The connection is closed: what was unread is gone. */
  void clear() {
    forget(0);
  }

  private void forget(int unread) {
    while (bytes > unread) {
      Sent received = sent.remove();
      bytes -= received.bytes;
      descriptors -= received.descriptors;
      flight.add(-received.descriptors);
      if (sent.isEmpty()) {
        flight.untrack(look);
      }
    }
  }
}
