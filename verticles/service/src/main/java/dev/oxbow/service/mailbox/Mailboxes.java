package dev.oxbow.service.mailbox;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.service.quota.Account;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The named mailboxes of a service, by uid and app. Control loop only. */
public final class Mailboxes {
  private final DescriptorLoop loop;
  private final Map<Key, Mailbox> mailboxes = new HashMap<>();
  private long droppedBefore;

  /**
   * No mailbox that was forgotten had a higher one. New ones go on from here, so that an app whose
   * mailbox was forgotten meanwhile does not take a new event for one that it has seen.
   */
  private long highestSeq;

  private record Key(long uid, String app) {}

  public Mailboxes(DescriptorLoop loop) {
    this.loop = loop;
  }

  /** The mailbox of an app; it is made when needed and forgotten when unused. */
  public Mailbox of(Account account, String app) {
    Key key = new Key(account.uid(), app);
    return mailboxes.computeIfAbsent(
        key, k -> new Mailbox(account, app, loop, highestSeq, () -> forget(k)));
  }

  /** All of them, in no order. */
  public List<Mailbox> all() {
    return List.copyOf(mailboxes.values());
  }

  /** Writes what another process needs besides the mailboxes themselves. */
  public MessageWriter export() {
    return new MessageWriter()
        .string("kind", "mailboxes")
        .number("highestSeq", highestSeq)
        .number("dropped", droppedBefore);
  }

  /** Takes over what {@link #export()} said. */
  public void restore(Message record) {
    highestSeq = record.integer("highestSeq", 0, Long.MAX_VALUE);
    droppedBefore = record.integer("dropped", 0, Long.MAX_VALUE);
  }

  private void forget(Key key) {
    Mailbox gone = mailboxes.remove(key);
    if (gone != null) {
      droppedBefore += gone.dropped();
      highestSeq = Math.max(highestSeq, gone.lastSeq());
    }
  }

  /** How many there are. */
  public int count() {
    return mailboxes.size();
  }

  /** Events in all of them. */
  public long events() {
    return mailboxes.values().stream().mapToLong(Mailbox::size).sum();
  }

  /** Events that a connected app has not taken yet. */
  public long undelivered() {
    return mailboxes.values().stream().mapToLong(Mailbox::undelivered).sum();
  }

  /** Closes what nobody has taken. */
  public void close() {
    all().forEach(Mailbox::detachAll);
  }

  /** Events that fell out since the start. */
  public long dropped() {
    return droppedBefore + mailboxes.values().stream().mapToLong(Mailbox::dropped).sum();
  }
}
