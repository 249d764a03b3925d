package dev.oxbow.fish;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fish.session.SessionOutcome.Packets;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.quota.Account;
import java.util.List;

/** The event {@code closed}: the report of a session on its way to the app. */
record ClosedEvent(SessionReport report) implements Event {

  /** What the message says behind {@code event}. */
  static final String NAME = "closed";

  static final String FLOW = "flow";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> names() {
    return List.of(FLOW);
  }

  @Override
  public List<Descriptor> descriptors() {
    return List.of(report.flow());
  }

  @Override
  public long heldBytes() {
    return report.metadata().length();
  }

  @Override
  public Account.Manner whenDropped() {
    return Account.Manner.PLAIN;
  }

  @Override
  public void write(MessageWriter out) {
    out.string("session", report.session()).string("reason", report.reason().wireName());
    if (report.errno() != null) {
      out.string("errno", report.errno());
    }
    packets(out, report.packets());
    out.number("durationMs", report.durationMs()).raw("metadata", report.metadata());
  }

  /** Writes {@code packets}, as it is in all messages. */
  static void packets(MessageWriter out, Packets packets) {
    out.object("packets").number("in", packets.in()).number("out", packets.out());
    out.object("dropped");
    packets.dropped().forEach(out::number);
    out.end().end();
  }
}
