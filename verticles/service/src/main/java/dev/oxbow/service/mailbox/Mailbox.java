package dev.oxbow.service.mailbox;

import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.service.quota.Account;
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
    Recipient recipient = newest();
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
    end(event, event.whenDropped());
  }

  private void end(Event event, Account.Manner manner) {
    account.removeBytes(event.heldBytes());
    account.close(event.descriptors(), manner);
  }

  private void armExpiry() {
    if (expiry == null && size() > 0) {
      long age = System.nanoTime() - oldest().element().postedNanos;
      expiry = loop.schedule(this::expire, maxAgeNanos() - age);
    }
  }

  private void expire() {
    expiry = null;
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

  private void checkUnused() {
    if (users == 0 && size() == 0 && recipients.isEmpty()) {
      if (expiry != null) {
        expiry.cancel();
        expiry = null;
      }
      onUnused.run();
    }
  }
}
