package dev.oxbow.service.control;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.mailbox.MailboxStore;
import java.util.ArrayList;
import java.util.List;

/** Builds the control plane that another process has described, record by record. */
final class ControlHeir {
  private final ControlServer server;
  private final Cargo cargo;
  private final MailboxStore store = new MailboxStore();
  private final List<ControlConnection> connections = new ArrayList<>();
  private int unnamed;

  ControlHeir(ControlServer server, Cargo cargo) {
    this.server = server;
    this.cargo = cargo;
  }

  /**
   * Builds it, frozen.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  MailboxStore restore(List<Message> records) {
    try {
      // Connections have the mailboxes behind the named ones.
      for (int i = 0; cargo.has(ControlConnection.SOCKET + i); i++) {
        connections.add(server.restoreConnection(cargo.take(ControlConnection.SOCKET + i)));
      }
      records.forEach(this::restore);
      return store;
    } catch (RequestException e) {
      throw new IllegalArgumentException("control plane: " + e.getMessage(), e);
    }
  }

  private void restore(Message record) {
    switch (record.string("kind")) {
      case "server" ->
          server.startedAt(record.integer("startNanos", Long.MIN_VALUE, Long.MAX_VALUE));
      case "mailboxes" -> server.mailboxes().restore(record);
      case "mailbox" -> store.restore(mailbox(record), record);
      case "event" -> store.restoreEvent(record, cargo);
      case "connection" -> connection(record).restore(record, store);
      case "answer" -> connection(record).restoreAnswer(record);
      case "recipient" ->
          store.get(record.integer("mailbox", 0, Integer.MAX_VALUE)).restore(connection(record));
      default -> throw new IllegalArgumentException("a record of unknown kind: " + record);
    }
  }

  private Mailbox mailbox(Message record) {
    String app = record.string("app", null);
    return app == null
        ? connections.get(unnamed++).anonymous()
        : server.mailboxes().of(server.accounts().of(record.integer("uid", 0, 0xffffffffL)), app);
  }

  private ControlConnection connection(Message record) {
    return connections.get((int) record.integer("connection", 0, connections.size() - 1L));
  }
}
