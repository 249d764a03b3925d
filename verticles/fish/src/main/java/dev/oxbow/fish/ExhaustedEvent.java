package dev.oxbow.fish;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.quota.Account;
import java.util.List;

/** The event {@code exhausted} on its way to the app. */
record ExhaustedEvent(Exhaustion exhaustion) implements Event {

  /** What the message says behind {@code event}. */
  static final String NAME = "exhausted";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> names() {
    return List.of();
  }

  @Override
  public List<Descriptor> descriptors() {
    return List.of();
  }

  @Override
  public Account.Manner whenDropped() {
    return Account.Manner.PLAIN;
  }

  @Override
  public void write(MessageWriter out) {
    out.string("session", exhaustion.session())
        .string("address", exhaustion.address())
        .string("ports", exhaustion.ports())
        .string("destination", exhaustion.destination());
  }
}
