package dev.oxbow.service.control;

import dev.oxbow.fdpassing.message.PacketChannel;
import dev.oxbow.service.quota.Flight;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The descriptors that one connection's peer has not received yet. The kernel tells only how many
 * bytes it has not (SIOCOUTQ), with what it adds to each packet; from the newest packet backwards,
 * those that fit into so much are taken for unread. Control loop only.
 *
 * <p>It is handed over with the connection: what a peer has not read is still in flight then, and a
 * peer that never reads would else be sent as much again by each process of a succession, until
 * nobody of the same user could send a descriptor any more (ETOOMANYREFS), a process that hands
 * over included.
 */
final class Unread {

  /** The kernel adds at least so much to a packet: struct sk_buff and skb_shared_info. */
  private static final int OVERHEAD_BYTES = 512;

  private static final String SEPARATOR = "/";

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

  /** What is in flight, for another process: bytes and descriptors of each packet. */
  List<String> export() {
    look();
    return sent.stream()
        .map(packet -> (packet.bytes - OVERHEAD_BYTES) + SEPARATOR + packet.descriptors)
        .toList();
  }

  /**
   * What another process has sent; to a connection that has nothing else in flight.
   *
   * @throws IllegalArgumentException when it is none
   */
  void restore(List<String> packets) {
    for (String packet : packets) {
      String[] numbers = packet.split(SEPARATOR, -1);
      if (numbers.length != 2) {
        throw new IllegalArgumentException("not bytes and descriptors: " + packet);
      }
      sent(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]));
    }
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
