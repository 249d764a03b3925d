package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.TunnelService.Live;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.Flow;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.mailbox.MailboxStore;

/**
 * The tunnels of a service on their way to another process: the request of each, which never
 * changes, and its flow. What changes is in the plane's ledger. Control loop only.
 */
final class TunnelStore {
  private static final String CARGO = "tunnels";
  private static final String TUNNEL = "tunnel/";

  private TunnelStore() {}

  /** Lends the flows and describes the tunnels. */
  static void export(TunnelService service, MailboxStore mailboxes, Cargo cargo) {
    Cargo.Records records = new Cargo.Records().add(service.export());
    for (Live live : service.table().live()) {
      cargo.lend(TUNNEL + live.name(), live.descriptor());
      records.add(
          new MessageWriter()
              .string("kind", "tunnel")
              .string("tunnel", live.name())
              .number("slot", live.tunnel().slot())
              .number("mailbox", mailboxes.numberOf(live.mailbox()))
              .string("flow", live.flow().kind().name())
              .number("cookie", live.flow().cookie())
              .raw("metadata", live.metadata()));
    }
    cargo.records(CARGO, records);
  }

  /**
   * Takes over what another process has described.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static void restore(TunnelService service, MailboxStore mailboxes, Cargo cargo) {
    try {
      for (Message record : cargo.records(CARGO)) {
        if (record.string("kind").equals("service")) {
          service.restore(record);
        } else {
          restore(service, mailboxes, cargo, record);
        }
      }
    } catch (RequestException e) {
      throw new IllegalArgumentException(CARGO + ": " + e.getMessage(), e);
    }
  }

  private static void restore(
      TunnelService service, MailboxStore mailboxes, Cargo cargo, Message record) {
    String name = record.string("tunnel");
    Descriptor descriptor = cargo.take(TUNNEL + name);
    Flow flow =
        new Flow(
            FlowKind.valueOf(record.string("flow")),
            descriptor.fd(),
            record.integer("cookie", 0, Long.MAX_VALUE));
    service.adopt(
        (int) record.integer("slot", 0, Integer.MAX_VALUE),
        new Live(
            name,
            mailboxes.get(record.integer("mailbox", 0, Integer.MAX_VALUE)),
            record.metadata(),
            descriptor,
            flow,
            null));
  }
}
