package dev.oxbow.splicer.relay;

/** A relay that runs, seen from the control loop. */
public interface LiveRelay {

  /** Ends it early; its outcome follows. Any thread, more than once. */
  void end(EndReason reason);

  /** The place of its record in the ledger. */
  int slot();

  /** Bytes of the prelude to a side, or 0 once all of it is written. */
  long prelude(Side to);

  /** Bytes that came from a side and were delivered so far, without the prelude. */
  long delivered(Side source);

  /** Nanoseconds since it began. */
  long ageNanos();

  /** Nanoseconds since a byte moved. */
  long idleNanos();
}
