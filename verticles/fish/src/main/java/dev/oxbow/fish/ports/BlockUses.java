package dev.oxbow.fish.ports;

import dev.oxbow.fdpassing.libc.NativeMemory;

/**
 * How many connections of each client are in each block of ports: open addressing with linear
 * probing in off-heap memory, at most half full. Nothing is allocated per connection. One thread at
 * a time.
 *
 * <pre>
 *  0 key u64 (0: free)   8 connections u32   12..15 zero
 * </pre>
 */
public final class BlockUses {
  private static final int ENTRY_BYTES = 16;

  private final NativeMemory entries;
  private final int mask;
  private int size;

  /**
   * @param connections that there can be at most
   */
  public BlockUses(int connections) {
    int capacity = Integer.highestOneBit(Math.max(8, connections)) << 2;
    this.entries = NativeMemory.allocate(capacity * ENTRY_BYTES);
    this.mask = capacity - 1;
  }

  /**
   * What stands for a block of a client's.
   *
   * @param client not 0
   * @param slice 0 to 255
   * @param row of the protocol, 0 to 3
   * @param port any of the block's
   */
  public static long key(int client, int slice, int row, int port) {
    return (long) client << 32 | (long) slice << 12 | row << 10 | port / PortSlice.BLOCK_PORTS;
  }

  /** One connection more; how many there are now. */
  public int add(long key) {
    int at = find(key);
    if (key(at) == 0) {
      entries.putLong(at * ENTRY_BYTES, key);
      size++;
    }
    return count(at, 1);
  }

  /** One connection less; how many there are now, -1 when there was none. */
  public int remove(long key) {
    int at = find(key);
    if (key(at) == 0) {
      return -1;
    }
    int left = count(at, -1);
    if (left == 0) {
      close(at);
      size--;
    }
    return left;
  }

  /** Blocks that have connections. */
  public int size() {
    return size;
  }

  /** Forgets all. */
  public void clear() {
    for (int at = 0; at <= mask; at++) {
      free(at);
    }
    size = 0;
  }

  /** What was pushed on by the one that goes moves back, so that no probe ends too early. */
  private void close(int gone) {
    int hole = gone;
    for (int probe = hole + 1 & mask; key(probe) != 0; probe = probe + 1 & mask) {
      int home = home(key(probe));
      if ((probe - home & mask) >= (probe - hole & mask)) {
        entries.putLong(hole * ENTRY_BYTES, key(probe));
        entries.putInt(hole * ENTRY_BYTES + 8, entries.getInt(probe * ENTRY_BYTES + 8));
        hole = probe;
      }
    }
    free(hole);
  }

  private int find(long key) {
    int at = home(key);
    while (key(at) != 0 && key(at) != key) {
      at = at + 1 & mask;
    }
    return at;
  }

  private int home(long key) {
    return HashIndex.mix(key, 0, 0) & mask;
  }

  private long key(int at) {
    return entries.getLong(at * ENTRY_BYTES);
  }

  private int count(int at, int change) {
    int count = entries.getInt(at * ENTRY_BYTES + 8) + change;
    entries.putInt(at * ENTRY_BYTES + 8, count);
    return count;
  }

  private void free(int at) {
    entries.putLong(at * ENTRY_BYTES, 0);
    entries.putInt(at * ENTRY_BYTES + 8, 0);
  }
}
