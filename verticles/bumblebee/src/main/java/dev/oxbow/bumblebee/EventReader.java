package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.tunnel.EndReason;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.client.Attached;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** From messages to what they are about. */
final class EventReader {
  private EventReader() {}

  /** A {@code connected}; the result owns its descriptor. */
  static TunnelConnection connected(Message event, List<Descriptor> descriptors) {
    return new TunnelConnection(
        event.string("connection"),
        event.string("tunnel"),
        event.string("client"),
        event.string("destination"),
        event.metadata(),
        new Attached(event, descriptors).require(ConnectedEvent.SOCKET));
  }

  /** A {@code closed}; the result owns its descriptor. */
  static TunnelReport closed(Message event, List<Descriptor> descriptors) {
    Message packets = event.member("packets");
    return new TunnelReport(
        event.string("tunnel"),
        EndReason.of(event.string("reason")),
        event.string("errno", null),
        count(packets, "in"),
        count(packets, "out"),
        dropped(packets),
        count(event, "durationMs"),
        event.metadata(),
        new Attached(event, descriptors).require(ClosedEvent.FLOW));
  }

  /** An answer to {@code list}. */
  static TunnelPage page(Message answer) {
    return new TunnelPage(
        answer.objects("tunnels").stream().map(EventReader::entry).toList(),
        answer.string("next", null));
  }

  private static TunnelPage.Entry entry(Message entry) {
    Message packets = entry.member("packets");
    return new TunnelPage.Entry(
        entry.string("tunnel"),
        count(entry, "connections"),
        count(packets, "in"),
        count(packets, "out"),
        dropped(packets),
        count(entry, "ageMs"),
        count(entry, "idleMs"),
        entry.metadata());
  }

  private static Map<String, Long> dropped(Message packets) {
    Message dropped = packets.member("dropped");
    Map<String, Long> byReason = new LinkedHashMap<>();
    dropped.names().forEach(why -> byReason.put(why, count(dropped, why)));
    return byReason;
  }

  /**
   * A count that must be there.
   *
   * @throws RequestException {@code bad-request} naming it
   */
  private static long count(Message message, String field) {
    return message.integer(field, 0, Long.MAX_VALUE);
  }
}
