package dev.oxbow.app.forward;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.cargo.Cargo;
import java.util.ArrayList;
import java.util.List;

/** A forwarder on its way to another process. Loop thread only. */
final class ForwarderStore {
  private static final String CARGO = "forwarder";
  private static final String LISTENER = "listener/";
  private static final String CLIENT = "client/";
  private static final String SERVER = "server/";

  private ForwarderStore() {}

  /** Lends listeners and the sockets of what is being connected, and describes them. */
  static Cargo export(Forwarder forwarder) {
    Cargo cargo = new Cargo();
    List<MessageWriter> records = new ArrayList<>();
    for (Forwarder.Route route : forwarder.routes()) {
      cargo.lend(LISTENER + records.size(), route.acceptor().socket());
      records.add(record("listener").string("listen", route.listen().toString()));
    }
    for (Attempt attempt : forwarder.attempts()) {
      int number = records.size();
      Connector connector = attempt.connector();
      cargo.lend(CLIENT + number, attempt.client());
      if (connector != null) {
        cargo.lend(SERVER + number, connector.socket());
      }
      records.add(
          record("attempt")
              .number("listener", attempt.listener())
              .number("number", number)
              .number("beganNanos", attempt.beganNanos())
              .number("deadlineNanos", connector == null ? 0 : connector.deadlineNanos()));
    }
    return cargo.records(CARGO, records);
  }

  private static MessageWriter record(String kind) {
    return new MessageWriter().string("kind", kind);
  }

  /**
   * Takes over what another process has described; the forwarder is held.
   *
   * @param listen where this process is to listen
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static void restore(Forwarder forwarder, List<Address> listen, List<Target> to, Cargo cargo) {
    List<Message> records = cargo.records(CARGO);
    List<String> theirs =
        records.stream()
            .filter(record -> record.string("kind").equals("listener"))
            .map(record -> record.string("listen"))
            .toList();
    List<String> ours = listen.stream().map(Address::toString).toList();
    if (!theirs.equals(ours)) {
      throw new IllegalArgumentException(
          "--listen is " + ours + ", and the process before listens on " + theirs);
    }
    for (int i = 0; i < listen.size(); i++) {
      forwarder.adopt(listen.get(i), cargo.take(LISTENER + i), to.get(i));
    }
    try {
      records.stream()
          .filter(record -> record.string("kind").equals("attempt"))
          .forEach(record -> restore(forwarder, record, cargo));
    } catch (RequestException e) {
      throw new IllegalArgumentException("forwarder: " + e.getMessage(), e);
    }
    if (!cargo.names().isEmpty()) {
      throw new IllegalArgumentException("handed over and not understood: " + cargo.names());
    }
  }

  private static void restore(Forwarder forwarder, Message record, Cargo cargo) {
    long number = record.integer("number", 0, Integer.MAX_VALUE);
    Descriptor server = cargo.takeIfThere(SERVER + number);
    forwarder.adopt(
        cargo.take(CLIENT + number),
        (int) record.integer("listener", 0, forwarder.routes().size() - 1L),
        record.integer("beganNanos", Long.MIN_VALUE, Long.MAX_VALUE),
        server,
        record.integer("deadlineNanos", Long.MIN_VALUE, Long.MAX_VALUE));
  }
}
