package dev.oxbow.splicer.relay;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a relay ends: why, who ended it, what broke. Whatever is learnt is noted in the record at
 * once, so that another process can go on. Loop thread only.
 */
final class Ending {
  private final RelayRecord record;
  private @Nullable EndReason reason;
  private @Nullable Side endedBy;
  private @Nullable Side broken;
  private int errno;
  private long deadlineNanos;

  Ending(RelayRecord record) {
    this.record = record;
  }

  /** Goes on from what the record says. */
  void load() {
    reason = record.reason();
    endedBy = record.endedBy();
    broken = record.broken();
    errno = record.errno();
    deadlineNanos = record.endDeadlineNanos();
  }

  /** Whether the relay ends. */
  boolean begun() {
    return reason != null;
  }

  /** The side whose connection broke first, or null. */
  @Nullable Side broken() {
    return broken;
  }

  /** Until when what was read may still be delivered; once it has begun. */
  long deadlineNanos() {
    return deadlineNanos;
  }

  /**
   * The relay ends; the first reason counts.
   *
   * @param deadline until when what was read may still be delivered
   * @return whether this was the first
   */
  boolean begin(EndReason why, long deadline) {
    if (reason != null) {
      return false;
    }
    reason = why;
    deadlineNanos = deadline;
    record.ending(why, deadline);
    return true;
  }

  /** Nothing more is delivered from a time on, whatever was said before. */
  void hasten(long now) {
    deadlineNanos = now;
  }

  /** A side was seen to end; the first is the one that ended the relay. */
  void sawEnd(Side side) {
    if (endedBy == null) {
      endedBy = side;
      record.endedBy(side);
    }
  }

  /** A side's connection broke, and none before it. */
  void broke(Side side) {
    if (broken == null) {
      blame(side);
    }
  }

  /** It was this side whose connection broke, whichever seemed to be the first. */
  void blame(Side side) {
    broken = side;
    record.broken(side);
  }

  /** What is reported if it ends by an error. */
  void failed(int error) {
    errno = error;
    record.errno(error);
  }

  /** What is told of a relay that is over. */
  RelayOutcome outcome(RelayOutcome.Flow aToB, RelayOutcome.Flow bToA) {
    EndReason why = Objects.requireNonNull(reason);
    return new RelayOutcome(
        why,
        endedBy,
        why == EndReason.ERROR ? errno : 0,
        record.overNanos() - record.startNanos(),
        aToB,
        bToA);
  }
}
