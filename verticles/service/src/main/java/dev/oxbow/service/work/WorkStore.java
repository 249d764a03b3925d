package dev.oxbow.service.work;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.mailbox.MailboxStore;
import io.vertx.core.Future;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * The work of a service on its way to another process: a record of the service, and one of each
 * piece of work with what never changes in it. What changes is in the plane's ledger. Control loop
 * only.
 *
 * @param document that the records are in
 * @param kind what a piece of work is called
 */
public record WorkStore(String document, String kind) {
  private static final String SERVICE = "service";

  /**
   * Describes all that lives; nothing may begin or end meanwhile.
   *
   * @param service writes what is to be said of the service, besides its table
   * @param describe lends the descriptors of one and writes what is its own
   */
  public <W extends LiveWork> Future<Void> export(
      WorkTable<W> table,
      Cargo cargo,
      DescriptorLoop loop,
      Consumer<MessageWriter> service,
      BiConsumer<W, MessageWriter> describe) {
    MessageWriter counters = new MessageWriter().string("kind", SERVICE);
    table.export(counters);
    service.accept(counters);
    Cargo.Records records = new Cargo.Records().add(counters);
    return Turns.each(
            loop,
            table.live(),
            work -> {
              MessageWriter out =
                  new MessageWriter().string("kind", kind).string(kind, work.name());
              describe.accept(work, out.raw("metadata", work.metadata()));
              records.add(out);
            })
        .map(v -> cargo.records(document, records))
        .mapEmpty();
  }

  /** What a piece of work is called under which its descriptors are lent. */
  public String lent(String name) {
    return kind + "/" + name;
  }

  /**
   * Reads what another process has described.
   *
   * @param service is given the record of the service
   * @param work is given each piece of work
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  public void restore(Cargo cargo, Consumer<Message> service, Consumer<Message> work) {
    try {
      for (Message record : cargo.records(document)) {
        if (record.string("kind").equals(SERVICE)) {
          service.accept(record);
        } else {
          work.accept(record);
        }
      }
    } catch (RequestException e) {
      throw new IllegalArgumentException(document + ": " + e.getMessage(), e);
    }
  }

  /** Writes where a piece of work is in the ledger, and whose it is. */
  public static void place(MessageWriter out, int slot, Mailbox mailbox, MailboxStore mailboxes) {
    out.number("slot", slot).number("mailbox", mailboxes.numberOf(mailbox));
  }

  /** Its place in the ledger. */
  public static int slot(Message record) {
    return (int) record.integer("slot", 0, Integer.MAX_VALUE);
  }

  /** Where it is reported to. */
  public static Mailbox mailbox(Message record, MailboxStore mailboxes) {
    return mailboxes.get(record.integer("mailbox", 0, Integer.MAX_VALUE));
  }
}
