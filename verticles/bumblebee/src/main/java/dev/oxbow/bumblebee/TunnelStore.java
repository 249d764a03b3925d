package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.TunnelService.Live;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.Flow;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.work.WorkStore;
import io.vertx.core.Future;

/**
 * The tunnels of a service on their way to another process: the request of each, which never
 * changes, and its flow. What changes is in the plane's ledger. Control loop only.
 */
final class TunnelStore {
  private static final WorkStore STORE = new WorkStore("tunnels", TunnelService.TUNNEL);

  private TunnelStore() {}

  /** Lends the flows and describes the tunnels; the service must open and end none meanwhile. */
  static Future<Void> export(
      TunnelService service, MailboxStore mailboxes, Cargo cargo, DescriptorLoop loop) {
    return STORE.export(
        service.table(),
        cargo,
        loop,
        service::export,
        (live, out) -> {
          cargo.lend(STORE.lent(live.name()), live.descriptor());
          WorkStore.place(out, live.tunnel().slot(), live.mailbox(), mailboxes);
          live.flow().write(out);
        });
  }

  /**
   * Takes over what another process has described.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static void restore(TunnelService service, MailboxStore mailboxes, Cargo cargo) {
    STORE.restore(cargo, service::restore, record -> restore(service, mailboxes, cargo, record));
  }

  private static void restore(
      TunnelService service, MailboxStore mailboxes, Cargo cargo, Message record) {
    String name = record.string(TunnelService.TUNNEL);
    Descriptor descriptor = cargo.take(STORE.lent(name));
    Flow flow = Flow.read(record, descriptor);
    service.adopt(
        WorkStore.slot(record),
        new Live(
            name, WorkStore.mailbox(record, mailboxes), record.metadata(), descriptor, flow, null));
  }
}
