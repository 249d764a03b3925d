package dev.oxbow.app.forward;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.handoff.cargo.Cargo;
import java.util.ArrayList;
import java.util.List;

/** A forwarder on its way to another process. Loop thread only. */
final class ForwarderStore {
  private static final String CARGO = "forwarder";
  private static final String LISTENER = "listener/";
  private static final String KIND = "listener";

  private ForwarderStore() {}

  /** Lends listeners and the sockets of what is being connected, and describes them. */
  static Cargo export(Forwarder forwarder) {
    Cargo cargo = new Cargo();
    List<MessageWriter> records = new ArrayList<>();
    for (Forwarder.Route route : forwarder.routes()) {
      cargo.lend(LISTENER + records.size(), route.acceptor().socket());
      records.add(Attempts.record(KIND).string("listen", route.listen().toString()));
    }
    forwarder.attempts().export(cargo, records);
    return cargo.records(CARGO, records);
  }

  /**
   * Takes over what another process has described; the forwarder is frozen.
   *
   * @param listen where this process is to listen
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static void restore(Forwarder forwarder, List<Address> listen, List<Target> to, Cargo cargo) {
    List<Message> records = cargo.records(CARGO);
    List<String> theirs =
        Attempts.records(records, KIND).stream().map(record -> record.string("listen")).toList();
    List<String> ours = listen.stream().map(Address::toString).toList();
    if (!theirs.equals(ours)) {
      throw new IllegalArgumentException(
          "--listen is " + ours + ", and the process before listens on " + theirs);
    }
    for (int i = 0; i < listen.size(); i++) {
      forwarder.adopt(listen.get(i), cargo.take(LISTENER + i), to.get(i));
    }
    int last = listen.size() - 1;
    forwarder
        .attempts()
        .restore(
            cargo,
            records,
            (record, client) ->
                forwarder.errand(client, (int) record.integer("listener", 0, last)));
  }
}
