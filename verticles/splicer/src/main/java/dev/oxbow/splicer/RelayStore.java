package dev.oxbow.splicer;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.work.WorkStore;
import dev.oxbow.splicer.RelayService.Live;
import io.vertx.core.Future;

/**
 * The relays of a service on their way to another process: the request of each, which never
 * changes, and its sockets. What changes is in the ledger. Control loop only.
 */
final class RelayStore {
  private static final WorkStore STORE = new WorkStore("relays", RelayService.RELAY);

  private RelayStore() {}

  /** Lends the sockets and describes the relays; the service must start and end none meanwhile. */
  static Future<Void> export(
      RelayService service, MailboxStore mailboxes, Cargo cargo, DescriptorLoop loop) {
    return STORE.export(
        service.table(),
        cargo,
        loop,
        service::export,
        (relay, out) -> {
          cargo.lend(STORE.lent(relay.name()) + "/a", relay.a());
          cargo.lend(STORE.lent(relay.name()) + "/b", relay.b());
          WorkStore.place(out, relay.relay().slot(), relay.mailbox(), mailboxes);
          out.flag("guarded", relay.guarded());
          relay.socketA().export("a", out);
          relay.socketB().export("b", out);
        });
  }

  /**
   * Takes over what another process has described.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static void restore(RelayService service, MailboxStore mailboxes, Cargo cargo) {
    STORE.restore(cargo, service::restore, record -> restore(service, mailboxes, cargo, record));
  }

  private static void restore(
      RelayService service, MailboxStore mailboxes, Cargo cargo, Message record) {
    String name = record.string(RelayService.RELAY);
    Descriptor a = cargo.take(STORE.lent(name) + "/a");
    Descriptor b = cargo.take(STORE.lent(name) + "/b");
    service.adopt(
        WorkStore.slot(record),
        new Live(
            name,
            record.flag("guarded", true),
            WorkStore.mailbox(record, mailboxes),
            record.metadata(),
            a,
            b,
            StreamSocket.restore(record.member("a"), a.fd()),
            StreamSocket.restore(record.member("b"), b.fd()),
            null));
  }
}
