package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.quota.Account;
import java.util.List;

/** The event {@code connected}: a connection on its way to the app. */
record ConnectedEvent(TunnelConnection connection) implements Event {

  /** What the message says behind {@code event}. */
  static final String NAME = "connected";

  static final String SOCKET = "socket";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> names() {
    return List.of(SOCKET);
  }

  @Override
  public List<Descriptor> descriptors() {
    return List.of(connection.socket());
  }

  @Override
  public long heldBytes() {
    return connection.metadata().length();
  }

  /** Nobody answers: its client is refused. */
  @Override
  public Account.Manner whenDropped() {
    return Account.Manner.RESET;
  }

  @Override
  public void write(MessageWriter out) {
    out.string("tunnel", connection.tunnel())
        .string("connection", connection.id())
        .string("client", connection.client())
        .string("destination", connection.destination())
        .raw("metadata", connection.metadata());
  }
}
