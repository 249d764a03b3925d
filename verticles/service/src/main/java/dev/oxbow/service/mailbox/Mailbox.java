package dev.oxbow.service.mailbox;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.quota.Account;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The events of one app, in order. They go to the recipient that attached last; while there is
 * none, or it can take no more, they wait. Those that were taken by a recipient that acknowledges
 * are kept until it does, and go to the next one again otherwise. Bounded in number and age: the
 * oldest fall out first. Control loop only.
 *
 * <pre>
 *   post --> waiting --> taken --acks--> kept --ack--> gone
 *               ^                          |
 *               +----- recipient went -----+
 * </pre>
 */
public final class Mailbox {
  private final Account account;
  private final @Nullable String app;
  private final DescriptorLoop loop;
  private final Runnable onUnused;
  private final Deque<Entry> kept = new ArrayDeque<>();
  private final Deque<Entry> waiting = new ArrayDeque<>();
  private final List<Recipient> recipients = new ArrayList<>();
  private @Nullable Timer expiry;
  private int users;
  private long lastSeq;
  private long lastDelivered;
  private long dropped;
  private boolean frozen;

  private record Entry(long seq, Event event, long postedNanos) {}

  /**
   * @param app null for the mailbox of a connection that named none: it ends with its recipient
   * @param lastSeq where the numbers of its events go on
   * @param onUnused called when nothing and nobody needs it any more
   */
  Mailbox(
      Account account, @Nullable String app, DescriptorLoop loop, long lastSeq, Runnable onUnused) {
    this.account = account;
    this.app = app;
    this.loop = loop;
    this.lastSeq = lastSeq;
    this.lastDelivered = lastSeq;
    this.onUnused = onUnused;
  }

  /** A mailbox without a name, for one recipient. */
  public static Mailbox anonymous(Account account, DescriptorLoop loop) {
    return new Mailbox(account, null, loop, 0, () -> {});
  }

  public Account account() {
    return account;
  }

  /** The app that it belongs to, or null. */
  public @Nullable String app() {
    return app;
  }

  /** Events that wait or are kept. */
  public int size() {
    return kept.size() + waiting.size();
  }

  /** Events that wait although somebody is there to take them. */
  int undelivered() {
    return recipients.isEmpty() ? 0 : waiting.size();
  }

  /** The number of the last event that was put in. */
  long lastSeq() {
    return lastSeq;
  }

  /** Events that fell out. */
  public long dropped() {
    return dropped;
  }

  /** Some work will post here later: the mailbox stays until {@link #unuse}. */
  public void use() {
    users++;
  }

  public void unuse() {
    users--;
    checkUnused();
  }

  /**
   * Puts in an event; its descriptors and bytes are counted in the account, and the mailbox's to
   * close and to count off.
   */
  public void post(Event event) {
    if (app == null && recipients.isEmpty()) {
      drop(event);
      return;
    }
    while (size() >= account.limits().getMailboxEvents()) {
      drop(oldest().remove().event);
    }
    waiting.add(new Entry(++lastSeq, event, System.nanoTime()));
    flush();
    armExpiry();
  }

  /** Makes a recipient the one that gets the events, also those that were not acknowledged. */
  public void attach(Recipient recipient) {
    recipients.remove(recipient);
    recipients.add(recipient);
    redeliver();
  }

  /** A recipient has gone; the one that attached before it takes its place. */
  public void detach(Recipient recipient) {
    boolean wasNewest = newest() == recipient;
    if (recipients.remove(recipient) && wasNewest) {
      redeliver();
    }
    checkUnused();
  }

  /** Nobody will ever ask again: drops all events and recipients. */
  public void detachAll() {
    recipients.clear();
    while (size() > 0) {
      drop(oldest().remove().event);
    }
    checkUnused();
  }

  /** Delivers what waits, as far as the newest recipient takes it. */
  public void flush() {
    Recipient recipient = frozen ? null : newest();
    while (recipient != null && !waiting.isEmpty()) {
      Entry next = waiting.element();
      if (!recipient.deliver(next.event, next.seq)) {
        return;
      }
      waiting.remove();
      lastDelivered = Math.max(lastDelivered, next.seq);
      if (recipient.acks()) {
        kept.add(next);
      } else if (recipient.owns()) {
        account.removeBytes(next.event.heldBytes());
        account.removeDescriptors(next.event.descriptors().size());
      } else {
        end(next.event, Account.Manner.PLAIN);
      }
    }
  }

  /**
   * The app has dealt with all events up to a number.
   *
   * @throws RequestException {@code bad-request} when that one was never delivered
   */
  public void ack(long seq) {
    if (seq > lastDelivered) {
      throw RequestException.badField(
          "seq", "is " + seq + "; the last event delivered is " + lastDelivered);
    }
    ackIn(kept, seq);
    ackIn(waiting, seq);
    checkUnused();
  }

  private void ackIn(Deque<Entry> entries, long seq) {
    while (!entries.isEmpty() && entries.element().seq <= seq) {
      end(entries.remove().event, Account.Manner.PLAIN);
    }
  }

  private void redeliver() {
    while (!kept.isEmpty()) {
      waiting.addFirst(kept.removeLast());
    }
    flush();
    armExpiry();
  }

  private @Nullable Recipient newest() {
    return recipients.isEmpty() ? null : recipients.get(recipients.size() - 1);
  }

  private Deque<Entry> oldest() {
    return kept.isEmpty() ? waiting : kept;
  }

  private void drop(Event event) {
    dropped++;
    // While frozen what it holds is another process's, too: only this one's copies are closed.
    end(event, frozen ? Account.Manner.PLAIN : event.whenDropped());
  }

  private void end(Event event, Account.Manner manner) {
    account.removeBytes(event.heldBytes());
    account.close(event.descriptors(), manner);
  }

  private void armExpiry() {
    if (expiry == null && size() > 0 && !frozen) {
      long age = System.nanoTime() - oldest().element().postedNanos;
      expiry = loop.schedule(this::expire, maxAgeNanos() - age);
    }
  }

  private void expire() {
    expiry = null;
    if (frozen) {
      return;
    }
    long now = System.nanoTime();
    while (size() > 0 && now - oldest().element().postedNanos >= maxAgeNanos()) {
      drop(oldest().remove().event);
    }
    armExpiry();
    checkUnused();
  }

  private long maxAgeNanos() {
    return TimeUnit.MILLISECONDS.toNanos(account.limits().getMailboxAgeMs());
  }

  /** Nothing is delivered or dropped until {@link #thaw()}: another process may do so. */
  public void freeze() {
    frozen = true;
  }

  /** Goes on. */
  public void thaw() {
    frozen = false;
    flush();
    armExpiry();
    checkUnused();
  }

  /** Its recipients, in the order in which they attached. */
  public List<Recipient> recipients() {
    return List.copyOf(recipients);
  }

  /** Somebody who had been its recipient in another process. */
  public void restore(Recipient recipient) {
    recipients.add(recipient);
  }

  /**
   * Writes what another process needs to go on with this mailbox: one record for itself, and one
   * for each event. The descriptors are lent.
   *
   * @param number names it in the cargo
   */
  public void export(int number, Cargo cargo, List<MessageWriter> records) {
    MessageWriter own =
        record("mailbox", number)
            .number("uid", account.uid())
            .string("app", app)
            .number("lastSeq", lastSeq)
            .number("lastDelivered", lastDelivered)
            .number("dropped", dropped);
    records.add(own);
    kept.forEach(entry -> records.add(record(entry, number, true, cargo)));
    waiting.forEach(entry -> records.add(record(entry, number, false, cargo)));
  }

  private static MessageWriter record(String kind, int number) {
    return new MessageWriter().string("kind", kind).number("mailbox", number);
  }

  private static MessageWriter record(Entry entry, int number, boolean kept, Cargo cargo) {
    Event event = entry.event;
    for (int i = 0; i < event.names().size(); i++) {
      cargo.lend(descriptor(number, entry.seq, event.names().get(i)), event.descriptors().get(i));
    }
    MessageWriter members = new MessageWriter();
    event.write(members);
    return record("event", number)
        .number("seq", entry.seq)
        .flag("kept", kept)
        .number("postedNanos", entry.postedNanos)
        .string("event", event.name())
        .strings("names", event.names())
        .number("heldBytes", event.heldBytes())
        .string("whenDropped", event.whenDropped().name())
        .string("members", new String(members.bytes(), StandardCharsets.UTF_8));
  }

  private static String descriptor(int mailbox, long seq, String name) {
    return "event/" + mailbox + "/" + seq + "/" + name;
  }

  /** Takes over what {@link #export} said of the mailbox itself. */
  void restore(Message own) {
    lastSeq = own.integer("lastSeq", 0, Long.MAX_VALUE);
    lastDelivered = own.integer("lastDelivered", 0, Long.MAX_VALUE);
    dropped = own.integer("dropped", 0, Long.MAX_VALUE);
  }

  /** Takes over an event of another process's, with its descriptors. */
  void restore(Message record, int number, Cargo cargo) {
    long seq = record.integer("seq", 0, Long.MAX_VALUE);
    List<String> names = record.strings("names");
    List<Descriptor> descriptors = new ArrayList<>();
    names.forEach(name -> descriptors.add(cargo.take(descriptor(number, seq, name))));
    StoredEvent event =
        new StoredEvent(
            record.string("event"),
            RawJson.of(record.string("members")),
            names,
            descriptors,
            record.integer("heldBytes", 0, Long.MAX_VALUE),
            Account.Manner.valueOf(record.string("whenDropped")));
    account.addDescriptors(descriptors.size());
    account.countBytes(event.heldBytes());
    (record.flag("kept", false) ? kept : waiting)
        .add(new Entry(seq, event, record.integer("postedNanos", Long.MIN_VALUE, Long.MAX_VALUE)));
  }

  private void checkUnused() {
    if (frozen) {
      return;
    }
    if (users == 0 && size() == 0 && recipients.isEmpty()) {
      if (expiry != null) {
        expiry.cancel();
        expiry = null;
      }
      onUnused.run();
    }
  }
}
