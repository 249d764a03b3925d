package dev.oxbow.service.mailbox;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.quota.Account;
import java.util.List;

/** Something that an app is told unasked, with descriptors that go with it. */
public interface Event {

  /** What the message says behind {@code event}. */
  String name();

  /** Writes the other members, all but {@code seq} and {@code fds}. */
  void write(MessageWriter out);

  /** The names of the descriptors, in order. */
  List<String> names();

  /** The descriptors; whoever holds the event owns them. */
  List<Descriptor> descriptors();

  /** Bytes that the account holds for it, such as its metadata. */
  default long heldBytes() {
    return 0;
  }

  /** How to close the descriptors when nobody is left to take them. */
  Account.Manner whenDropped();
}
