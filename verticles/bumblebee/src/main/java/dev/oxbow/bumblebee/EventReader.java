package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.client.Attached;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.flow.PacketCounts;
import java.util.List;

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
    return TunnelReport.of(ClosedEvent.read(TunnelService.TUNNEL, event, descriptors));
  }

  /** An answer to {@code list}. */
  static TunnelPage page(Message answer) {
    return new TunnelPage(
        answer.objects("tunnels").stream().map(EventReader::entry).toList(),
        answer.string("next", null));
  }

  private static TunnelPage.Entry entry(Message entry) {
    return new TunnelPage.Entry(
        entry.string("tunnel"),
        count(entry, "connections"),
        PacketCounts.read(entry),
        count(entry, "ageMs"),
        count(entry, "idleMs"),
        entry.metadata());
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
