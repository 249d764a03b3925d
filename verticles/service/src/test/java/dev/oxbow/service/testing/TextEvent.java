package dev.oxbow.service.testing;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.quota.Account;
import java.util.List;

/**
 * An event that tells a text.
 *
 * @param name of the event
 * @param descriptors one, a memfd, owned by the event
 */
public record TextEvent(String name, String text, List<Descriptor> descriptors) implements Event {
  @Override
  public void write(MessageWriter out) {
    out.string("text", text);
  }

  @Override
  public List<String> names() {
    return List.of("memfd");
  }

  @Override
  public Account.Manner whenDropped() {
    return Account.Manner.PLAIN;
  }
}
