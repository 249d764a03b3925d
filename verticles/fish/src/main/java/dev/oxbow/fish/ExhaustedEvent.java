package dev.oxbow.fish;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.quota.Account;
import java.util.List;

/**
 * The event {@code exhausted}: no port is left toward a destination.
 *
 * @param address that the session's packets leave from
 * @param ports that the session may use
 * @param destination address and port
 */
record ExhaustedEvent(String session, String address, String ports, String destination)
    implements Event {

  @Override
  public String name() {
    return "exhausted";
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
  public long heldBytes() {
    return 0;
  }

  @Override
  public Account.Manner whenDropped() {
    return Account.Manner.PLAIN;
  }

  @Override
  public void write(MessageWriter out) {
    out.string("session", session)
        .string("address", address)
        .string("ports", ports)
        .string("destination", destination);
  }
}
