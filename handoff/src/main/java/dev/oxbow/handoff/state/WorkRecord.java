package dev.oxbow.handoff.state;

import dev.oxbow.fdpassing.libc.NativeMemory;

/**
 * One piece of work in a table: what the records of all services begin with. One writer while the
 * work lives.
 *
 * <pre>
 *   0 id u64 (0: free)       8 startNanos           16 activityNanos
 * </pre>
 *
 * Times are CLOCK_MONOTONIC, in nanoseconds.
 */
public abstract class WorkRecord {

  /** The table's bytes. */
  protected final NativeMemory memory;

  /** Where the record begins in them. */
  protected final int base;

  private final int slot;

  /**
   * @param slot its place in the table
   */
  protected WorkRecord(NativeMemory memory, int base, int slot) {
    this.memory = memory;
    this.base = base;
    this.slot = slot;
  }

  /** Its place in the table. */
  public final int slot() {
    return slot;
  }

  /** Names the work; 0 in a record that is free. */
  public final long id() {
    return memory.getLong(base);
  }

  /** When the work began. */
  public final long startNanos() {
    return memory.getLong(base + 8);
  }

  /** When something last moved. */
  public final long activityNanos() {
    return memory.getLong(base + 16);
  }

  /** Something moved. */
  public final void activityNanos(long now) {
    memory.putLong(base + 16, now);
  }

  /** Fills in the beginning of a free record, but for the id. */
  protected final void started(long now) {
    memory.putLong(base + 8, now);
    memory.putLong(base + 16, now);
  }

  /** The record counts as taken from here on: to be called last. */
  protected final void taken(long id) {
    memory.putLong(base, id);
  }

  /**
   * Frees the record: all of it is zero afterwards, the id first.
   *
   * @param bytes its size, a multiple of 8
   */
  protected final void clear(int bytes) {
    for (int at = 0; at < bytes; at += Long.BYTES) {
      memory.putLong(base + at, 0);
    }
  }
}
