package dev.oxbow.fish.ports;

import dev.oxbow.fdpassing.libc.NativeMemory;

/**
 * Which connections have changed since somebody else was told of them: a bit for each, off heap, so
 * that a change costs next to nothing, and many changes of one are told once. A connection that
 * nobody was told of is due only after it has grown old: those that end before cost a bit. One
 * thread at a time.
 */
public final class FlowChanges {

  /** How many times {@link #age} is to be called until what was young is due. */
  public static final int AGES = 4;

  private final int capacity;
  private final int bytes;
  private final boolean ageless;
  private final NativeMemory due;
  private final NativeMemory told;

  /** Bits of those that are young, a set for each age and one for those of this moment. */
  private final NativeMemory young;

  private int age;
  private long agedNanos;

  /**
   * @param capacity of the table of flows
   * @param ageless whether a connection is due at once
   */
  public FlowChanges(int capacity, boolean ageless) {
    this.capacity = capacity;
    this.bytes = (capacity + Long.SIZE - 1) / Long.SIZE * Long.BYTES;
    this.ageless = ageless;
    this.due = NativeMemory.allocate(bytes);
    this.told = NativeMemory.allocate(bytes);
    this.young = NativeMemory.allocate(Math.multiplyExact(bytes, AGES + 1));
  }

  /** A connection has begun, changed or ended. */
  void mark(int flow) {
    int word = word(flow);
    long bit = 1L << flow;
    if (ageless || (told.getLong(word) & bit) != 0) {
      due.putLong(word, due.getLong(word) | bit);
    } else {
      int at = age * bytes + word;
      young.putLong(at, young.getLong(at) | bit);
    }
  }

  /** Everybody is a quarter of the age of those that are due older. */
  public void age() {
    age = age == AGES ? 0 : age + 1;
    for (int word = 0; word < bytes; word += Long.BYTES) {
      int at = age * bytes + word;
      long grown = young.getLong(at);
      if (grown != 0) {
        due.putLong(word, due.getLong(word) | grown);
        young.putLong(at, 0);
      }
    }
  }

  /**
   * Time passes. A connection that has begun is due when it is at most so old at a call of this,
   * and not before it has four fifths of that age.
   *
   * @param nowNanos later than at the call before
   */
  public void age(long nowNanos, long mostNanos) {
    long step = Math.max(1, mostNanos / (AGES + 1));
    long steps = (nowNanos - agedNanos) / step;
    if (steps < 0 || steps > AGES) {
      // All are that old, or it is the first call.
      steps = AGES + 1L;
      agedNanos = nowNanos - steps * step;
    }
    agedNanos += steps * step;
    for (; steps > 0; steps--) {
      age();
    }
  }

  /** Nobody was told of anything: all are due. */
  public void reset() {
    for (int word = 0; word < bytes; word += Long.BYTES) {
      due.putLong(word, -1);
      told.putLong(word, 0);
      for (int each = 0; each <= AGES; each++) {
        young.putLong(each * bytes + word, 0);
      }
    }
  }

  /** The first that is due from there on, which is so no longer; -1 for none. */
  public int take(int from) {
    if (from >= capacity) {
      return -1;
    }
    int word = word(from);
    long bits = due.getLong(word) & -1L << from;
    while (bits == 0) {
      word += Long.BYTES;
      if (word >= bytes) {
        return -1;
      }
      bits = due.getLong(word);
    }
    int flow = word * Byte.SIZE + Long.numberOfTrailingZeros(bits);
    due.putLong(word, due.getLong(word) & ~Long.lowestOneBit(bits));
    return flow < capacity ? flow : -1;
  }

  /** Whether somebody else was told of the connection, and not yet of its end. */
  public boolean isTold(int flow) {
    return (told.getLong(word(flow)) & 1L << flow) != 0;
  }

  /** Notes whether somebody else knows of it. */
  public void tell(int flow, boolean known) {
    long bits = told.getLong(word(flow));
    told.putLong(word(flow), known ? bits | 1L << flow : bits & ~(1L << flow));
  }

  private static int word(int flow) {
    return flow / Long.SIZE * Long.BYTES;
  }
}
