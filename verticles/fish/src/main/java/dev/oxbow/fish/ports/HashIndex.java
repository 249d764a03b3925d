package dev.oxbow.fish.ports;

import dev.oxbow.fdpassing.libc.NativeMemory;
import java.nio.ByteBuffer;

/**
 * Finds records by their keys: open addressing with linear probing over off-heap ints, at most half
 * full. It keeps numbers of records only; what a key is, the user says. Nothing is allocated per
 * operation. One thread at a time.
 */
final class HashIndex {

  /** What the index must know of records. */
  interface Keys {

    /** The hash of a record's key, any bits. */
    int hash(int record);
  }

  private static final byte[] ZEROS = new byte[1 << 16];

  private final NativeMemory slots;
  private final Keys keys;
  private final int mask;
  private int at;
  private int size;

  /**
   * @param records that there can be at most
   */
  HashIndex(int records, Keys keys) {
    int capacity = Integer.highestOneBit(Math.max(8, records)) << 2;
    this.slots = NativeMemory.allocate(capacity * Integer.BYTES);
    this.mask = capacity - 1;
    this.keys = keys;
  }

  int size() {
    return size;
  }

  /** Forgets all records. */
  void clear() {
    ByteBuffer all = slots.view();
    while (all.hasRemaining()) {
      all.put(ZEROS, 0, Math.min(ZEROS.length, all.remaining()));
    }
    size = 0;
  }

  /** The first record whose key may have this hash, or -1; compare, and then ask {@link #next}. */
  int first(int hash) {
    at = hash & mask;
    return slot(at) - 1;
  }

  /** The next candidate, or -1. */
  int next() {
    at = at + 1 & mask;
    return slot(at) - 1;
  }

  /** Adds a record that is not in the index. */
  void add(int record) {
    int free = keys.hash(record) & mask;
    while (slot(free) != 0) {
      free = free + 1 & mask;
    }
    put(free, record + 1);
    size++;
  }

  /** Removes a record that is in the index, while its key still stands. */
  void remove(int record) {
    int hole = keys.hash(record) & mask;
    while (slot(hole) != record + 1) {
      if (slot(hole) == 0) {
        throw new IllegalStateException("record " + record + " is not in the index");
      }
      hole = hole + 1 & mask;
    }
    // What was pushed on by the removed one moves back, so that no probe ends too early.
    for (int probe = hole + 1 & mask; slot(probe) != 0; probe = probe + 1 & mask) {
      int home = keys.hash(slot(probe) - 1) & mask;
      if ((probe - home & mask) >= (probe - hole & mask)) {
        put(hole, slot(probe));
        hole = probe;
      }
    }
    put(hole, 0);
    size--;
  }

  private int slot(int index) {
    return slots.getInt(index * Integer.BYTES);
  }

  private void put(int index, int value) {
    slots.putInt(index * Integer.BYTES, value);
  }

  /** Mixes what a key is made of (finalizer of splitmix64). */
  static int mix(long a, long b, long c) {
    long z = a * 0x9e37_79b9_7f4a_7c15L + Long.rotateLeft(b, 29) * 0xbf58_476d_1ce4_e5b9L + c;
    z = (z ^ z >>> 30) * 0xbf58_476d_1ce4_e5b9L;
    z = (z ^ z >>> 27) * 0x94d0_49bb_1331_11ebL;
    return (int) (z ^ z >>> 31);
  }
}
