package dev.oxbow.service.quota;

/** What one uid has in flight. Control loop only. */
public final class Flight {
  private final Flights all;
  private long count;

  Flight(Flights all) {
    this.all = all;
  }

  /** Whether one more packet with descriptors may be sent to this uid. */
  public boolean free() {
    if (all.free(count)) {
      return true;
    }
    all.lookAtAll();
    return all.free(count);
  }

  /** How many one connection may have; beyond, events wait in the mailbox. */
  public int perConnection() {
    return all.perConnection();
  }

  /** Counts descriptors that were sent, or, below zero, received. */
  public void add(int descriptors) {
    count += descriptors;
    all.add(descriptors);
  }

  /** Has a task run when it must be known what the peer of a connection has received. */
  public void track(Runnable look) {
    all.track(look);
  }

  public void untrack(Runnable look) {
    all.untrack(look);
  }
}
