package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.TunnelService.Live;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.Flow;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.work.Turns;
import io.vertx.core.Future;

/**
 * The tunnels of a service on their way to another process: the request of each, which never
 * changes, and its flow. What changes is in the plane's ledger. Control loop only.
 */
final class TunnelStore {
  private static final String CARGO = "tunnels";
  private static final String TUNNEL = "tunnel/";

  private TunnelStore() {}

  /** Lends the flows and describes the tunnels; the service must open and end none meanwhile. */
  static Future<Void> export(
      TunnelService service, MailboxStore mailboxes, Cargo cargo, DescriptorLoop loop) {
    Cargo.Records records = new Cargo.Records().add(service.export());
    return Turns.each(
            loop,
            service.table().live(),
            live -> {
              cargo.lend(TUNNEL + live.name(), live.descriptor());
              records.add(record(live, mailboxes));
            })
        .onSuccess(v -> cargo.records(CARGO, records));
  }

  private static MessageWriter record(Live live, MailboxStore mailboxes) {
    MessageWriter out =
        new MessageWriter()
            .string("kind", "tunnel")
            .string("tunnel", live.name())
            .number("slot", live.tunnel().slot())
            .number("mailbox", mailboxes.numberOf(live.mailbox()))
            .raw("metadata", live.metadata());
    live.flow().write(out);
    return out;
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
    Flow flow = Flow.read(record, descriptor);
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
