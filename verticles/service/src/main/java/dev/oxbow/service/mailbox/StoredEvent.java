package dev.oxbow.service.mailbox;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.quota.Account;
import java.util.List;

/**
 * An event that another process had posted: its members are JSON already.
 *
 * @param name what the message says behind {@code event}
 * @param members an object with the other members
 * @param names of the descriptors
 * @param descriptors owned by whoever holds the event
 * @param heldBytes as counted in the account
 * @param whenDropped how to close the descriptors
 */
public record StoredEvent(
    String name,
    RawJson members,
    List<String> names,
    List<Descriptor> descriptors,
    long heldBytes,
    Account.Manner whenDropped)
    implements Event {

  @Override
  public void write(MessageWriter out) {
    out.members(members);
  }
}
