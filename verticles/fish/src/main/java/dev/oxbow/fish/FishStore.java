package dev.oxbow.fish;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.SessionService.Live;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.Flow;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.work.WorkStore;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The sessions of a service on their way to another process: the request of each, which never
 * changes, and its flow. What changes is in the plane's tables. Control loop only.
 */
final class FishStore {
  private static final String SETTINGS = "settings";

  /** Of a Fish without a partner, and of one that did not know of partners. */
  private static final String UNPAIRED = "none";

  private static final WorkStore STORE = new WorkStore("sessions.requests", SessionService.SESSION);

  private FishStore() {}

  /** Lends the flows and describes the sessions; the service must open and end none meanwhile. */
  static Future<Void> export(
      SessionService service, MailboxStore mailboxes, Cargo cargo, DescriptorLoop loop) {
    return STORE.export(
        service.table(),
        cargo,
        loop,
        service::export,
        (live, out) -> {
          cargo.lend(STORE.lent(live.name()), live.descriptor());
          WorkStore.place(out, live.session().slot(), live.mailbox(), mailboxes);
          write(live, out);
        });
  }

  private static void write(Live live, MessageWriter out) {
    live.flow().write(out);
    if (live.resume() != null) {
      out.string("resume", live.resume());
    }
    out.array("egress");
    for (Grant grant : live.egress()) {
      out.element().string("address", grant.address()).string("ports", grant.ports()).end();
    }
    out.endArray();
  }

  /**
   * Takes over what another process has described.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static void restore(SessionService service, MailboxStore mailboxes, Cargo cargo) {
    STORE.restore(cargo, service::restore, record -> restore(service, mailboxes, cargo, record));
  }

  private static void restore(
      SessionService service, MailboxStore mailboxes, Cargo cargo, Message record) {
    String name = record.string(SessionService.SESSION);
    Descriptor descriptor = cargo.take(STORE.lent(name));
    Flow flow = Flow.read(record, descriptor);
    List<Grant> egress = new ArrayList<>();
    for (Message grant : record.objects("egress")) {
      egress.add(Grant.of(grant.string("address"), grant.string("ports")));
    }
    service.adopt(
        WorkStore.slot(record),
        new Live(
            name,
            WorkStore.mailbox(record, mailboxes),
            record.metadata(),
            descriptor,
            flow,
            egress,
            record.string("resume", null),
            null));
  }

  /** Puts in what the packets of all sessions depend on. */
  static void exportSettings(FishOptions options, Cargo cargo) {
    MessageWriter out = new MessageWriter();
    settings(options).forEach(out::string);
    cargo.records(SETTINGS, List.of(out));
  }

  /**
   * Sees to it that packets would go on as they did.
   *
   * @throws IllegalArgumentException naming the key that has changed
   */
  static void requireSame(FishOptions options, Cargo cargo) {
    try {
      for (Message record : cargo.records(SETTINGS)) {
        for (Map.Entry<String, String> own : settings(options).entrySet()) {
          String theirs = record.string(own.getKey(), UNPAIRED);
          if (!own.getValue().equals(theirs)) {
            throw new IllegalArgumentException(
                String.format(
                    "fish.%s was %s and is %s now: it changes with a restart only",
                    own.getKey(), theirs, own.getValue()));
          }
        }
      }
    } catch (RequestException e) {
      throw new IllegalArgumentException(SETTINGS + ": " + e.getMessage(), e);
    }
  }

  /** What loans are remembered by: who has other ones in between remembers wrong ones. */
  private static String pair(FishOptions options) {
    PairOptions pair = options.getPair();
    return pair == null ? UNPAIRED : pair.getHome() + " of " + options.getEgress();
  }

  private static Map<String, String> settings(FishOptions options) {
    return Map.of(
        "device", options.getDevice(),
        "pool", options.getPool(),
        "pool6", options.getPool6(),
        "mark", Integer.toString(options.getMark()),
        "pair", pair(options));
  }
}
