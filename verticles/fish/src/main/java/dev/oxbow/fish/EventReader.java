package dev.oxbow.fish;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.flow.PacketCounts;
import java.util.List;

/** From messages to what they are about. */
final class EventReader {
  private EventReader() {}

  /** A {@code closed}; the result owns its descriptor. */
  static SessionReport closed(Message event, List<Descriptor> descriptors) {
    return SessionReport.of(ClosedEvent.read(SessionService.SESSION, event, descriptors));
  }

  /** An {@code exhausted}. */
  static Exhaustion exhausted(Message event) {
    return new Exhaustion(
        event.string("session"),
        event.string("address"),
        event.string("ports"),
        event.string("destination"));
  }

  /** An answer to {@code list}. */
  static SessionPage page(Message answer) {
    return new SessionPage(
        answer.objects("sessions").stream().map(EventReader::entry).toList(),
        answer.string("next", null));
  }

  /** An answer to {@code lookup}. */
  static PortOwner owner(Message answer) {
    return new PortOwner(
        answer.string("session"),
        answer.string("client"),
        answer.metadata(),
        count(answer, "sinceMs"));
  }

  private static SessionPage.Entry entry(Message entry) {
    return new SessionPage.Entry(
        entry.string("session"),
        count(entry, "flows"),
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
