package dev.oxbow.splicer;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.work.Turns;
import dev.oxbow.splicer.RelayService.Live;
import io.vertx.core.Future;

/**
 * The relays of a service on their way to another process: the request of each, which never
 * changes, and its sockets. What changes is in the ledger. Control loop only.
 */
final class RelayStore {
  private static final String CARGO = "relays";
  private static final String RELAY = "relay/";

  private RelayStore() {}

  /** Lends the sockets and describes the relays; the service must start and end none meanwhile. */
  static Future<Void> export(
      RelayService service, MailboxStore mailboxes, Cargo cargo, DescriptorLoop loop) {
    Cargo.Records records = new Cargo.Records().add(service.export());
    return Turns.each(
            loop,
            service.live(),
            relay -> {
              cargo.lend(RELAY + relay.name() + "/a", relay.a());
              cargo.lend(RELAY + relay.name() + "/b", relay.b());
              records.add(record(relay, mailboxes));
            })
        .onSuccess(v -> cargo.records(CARGO, records));
  }

  private static MessageWriter record(Live relay, MailboxStore mailboxes) {
    MessageWriter out =
        new MessageWriter()
            .string("kind", "relay")
            .string("relay", relay.name())
            .number("slot", relay.relay().slot())
            .number("mailbox", mailboxes.numberOf(relay.mailbox()))
            .flag("guarded", relay.guarded())
            .raw("metadata", relay.metadata());
    relay.socketA().export("a", out);
    relay.socketB().export("b", out);
    return out;
  }

  /**
   * Takes over what another process has described.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static void restore(RelayService service, MailboxStore mailboxes, Cargo cargo) {
    try {
      for (Message record : cargo.records(CARGO)) {
        if (record.string("kind").equals("service")) {
          service.restore(record);
        } else {
          restore(service, mailboxes, cargo, record);
        }
      }
    } catch (RequestException e) {
      throw new IllegalArgumentException("relays: " + e.getMessage(), e);
    }
  }

  private static void restore(
      RelayService service, MailboxStore mailboxes, Cargo cargo, Message record) {
    String name = record.string("relay");
    Descriptor a = cargo.take(RELAY + name + "/a");
    Descriptor b = cargo.take(RELAY + name + "/b");
    service.adopt(
        (int) record.integer("slot", 0, Integer.MAX_VALUE),
        new Live(
            name,
            record.flag("guarded", true),
            mailboxes.get(record.integer("mailbox", 0, Integer.MAX_VALUE)),
            record.metadata(),
            a,
            b,
            StreamSocket.restore(record.member("a"), a.fd()),
            StreamSocket.restore(record.member("b"), b.fd()),
            null));
  }
}
