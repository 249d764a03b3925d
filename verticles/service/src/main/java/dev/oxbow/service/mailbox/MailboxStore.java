package dev.oxbow.service.mailbox;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.handoff.cargo.Cargo;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * Mailboxes on their way from one process to another, numbered, so that work and connections can
 * name theirs. Control loop only.
 */
public final class MailboxStore {
  private final List<Mailbox> mailboxes = new ArrayList<>();
  private final IdentityHashMap<Mailbox, Integer> numbers = new IdentityHashMap<>();

  /** Numbers a mailbox. */
  public void add(Mailbox mailbox) {
    numbers.put(mailbox, mailboxes.size());
    mailboxes.add(mailbox);
  }

  /** The number of a mailbox that was added. */
  public int numberOf(Mailbox mailbox) {
    Integer number = numbers.get(mailbox);
    if (number == null) {
      throw new IllegalStateException("a mailbox that nobody handed over");
    }
    return number;
  }

  /**
   * The mailbox of a number.
   *
   * @throws IllegalArgumentException when there is none
   */
  public Mailbox get(long number) {
    if (number < 0 || number >= mailboxes.size()) {
      throw new IllegalArgumentException("there is no mailbox " + number);
    }
    return mailboxes.get((int) number);
  }

  /** Writes all mailboxes and their events. */
  public void export(Cargo cargo, List<MessageWriter> records) {
    mailboxes.forEach(mailbox -> mailbox.export(numberOf(mailbox), cargo, records));
  }

  /** Takes over a mailbox that was numbered in the same order in another process. */
  public void restore(Mailbox mailbox, Message record) {
    add(mailbox);
    mailbox.freeze();
    mailbox.restore(record);
  }

  /** Takes over an event of one of them. */
  public void restoreEvent(Message record, Cargo cargo) {
    int number = (int) record.integer("mailbox", 0, mailboxes.size() - 1L);
    mailboxes.get(number).restore(record, number, cargo);
  }

  /** All of them go on. */
  public void thaw() {
    List.copyOf(mailboxes).forEach(Mailbox::thaw);
  }
}
