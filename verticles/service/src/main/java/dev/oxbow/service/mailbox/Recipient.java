package dev.oxbow.service.mailbox;

/** Somebody who takes events out of a mailbox. Control loop only. */
public interface Recipient {

  /** Whether it says which events it has dealt with, so that the others must be kept. */
  boolean acks();

  /** Whether it lives in this process and owns the descriptors of what it took. */
  boolean owns();

  /**
   * Takes an event, or leaves it when it can take no more for now; it then asks the mailbox to
   * {@link Mailbox#flush()} later.
   *
   * @param seq the event's number, to be told to the app when {@link #acks()}
   * @return whether it was taken
   */
  boolean deliver(Event event, long seq);
}
