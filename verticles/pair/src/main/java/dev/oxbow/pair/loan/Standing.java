package dev.oxbow.pair.loan;

import static dev.oxbow.pair.loan.LoanRecords.FREE;
import static dev.oxbow.pair.loan.LoanRecords.UNKNOWN;

import java.util.function.IntConsumer;

/**
 * The records of one half of the blocks, with a list of those that are not free: of a node's own
 * blocks those that are lent, or may be, of the partner's those that are held. Whatever changes a
 * record does so here. One thread at a time.
 */
final class Standing {
  private final LoanRecords records;
  private final BlockSet blocks;
  private final BlockSet changed;
  private int unknown;

  /** None of them is over before. */
  private long soonestMs = Long.MAX_VALUE;

  /**
   * @param count of all blocks
   * @param changed gets those whose record has changed
   */
  Standing(LoanRecords records, int count, BlockSet changed) {
    this.records = records;
    this.blocks = new BlockSet(count);
    this.changed = changed;
  }

  /** What the memory says of a block is so. */
  void recall(int block) {
    if (records.epoch(block) != FREE && !contains(block)) {
      blocks.add(block);
      unknown += isUnknown(block);
      soonestMs = Math.min(soonestMs, records.untilMs(block));
    }
  }

  /** How many. */
  int size() {
    return blocks.size();
  }

  /** One of them. */
  int get(int place) {
    return blocks.get(place);
  }

  boolean contains(int block) {
    return blocks.contains(block);
  }

  /** How many there are of which nobody remembers whether they are lent. */
  int unknown() {
    return unknown;
  }

  private int isUnknown(int block) {
    return contains(block) && records.epoch(block) == UNKNOWN ? 1 : 0;
  }

  void set(int block, long epoch, long untilMs) {
    unknown -= isUnknown(block);
    records.set(block, epoch, untilMs);
    blocks.add(block);
    unknown += isUnknown(block);
    until(block, untilMs);
  }

  /** Another time for what stands. */
  void setUntil(int block, long untilMs) {
    records.setUntil(block, untilMs);
    until(block, untilMs);
  }

  private void until(int block, long untilMs) {
    soonestMs = Math.min(soonestMs, untilMs);
    changed.add(block);
  }

  void free(int block) {
    unknown -= isUnknown(block);
    records.free(block);
    blocks.remove(block);
    changed.add(block);
  }

  /** The terms of all of them are others. */
  void changed() {
    for (int place = 0; place < blocks.size(); place++) {
      changed.add(blocks.get(place));
    }
  }

  /** Frees what is over, after each was told. */
  void settle(long nowMs, IntConsumer over) {
    if (nowMs < soonestMs) {
      return;
    }
    long soonest = Long.MAX_VALUE;
    for (int place = blocks.size() - 1; place >= 0; place--) {
      int block = blocks.get(place);
      if (nowMs >= records.untilMs(block)) {
        over.accept(block);
        free(block);
      } else {
        soonest = Math.min(soonest, records.untilMs(block));
      }
    }
    soonestMs = soonest;
  }
}
