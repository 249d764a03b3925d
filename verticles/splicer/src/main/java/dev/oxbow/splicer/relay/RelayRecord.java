package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.libc.NativeMemory;

/**
 * One relay's record in the ledger. One writer: the relay's loop, while the relay lives.
 *
 * <pre>
 *   0 id u64 (0: free)       8 startNanos           16 activityNanos     24 endDeadlineNanos
 *  32 idleTimeoutMs         40 halfCloseTimeoutMs   48 maxDurationMs     56 maxBytes
 *  64 reason u8 (0: runs)   65 endedBy u8 (0: none) 68 errno u32         72 uid u32
 *  76 flags of a u32        80 flags of b u32       84..95 reserved
 *  96 a to b, 64 bytes     160 b to a, 64 bytes    224..255 reserved
 *
 * direction: 0 in u64   8 out u64   16 prelude u64   24 pipe i32 (-1: none)   28 ends u32
 * </pre>
 *
 * Times are CLOCK_MONOTONIC, in nanoseconds. {@code in} and {@code out} count the prelude too; what
 * lies between them is in the pipe.
 */
final class RelayRecord {

  /** Size of a record. */
  static final int BYTES = 256;

  /** The source has ended: no more will be read. */
  static final int SOURCE_ENDED = 1;

  /** The destination was shut down for writing. */
  static final int SHUT_DOWN = 2;

  /** The source's connection was reset. */
  static final int SOURCE_RESET = 4;

  private static final int DIRECTION = 96;
  private static final int DIRECTION_BYTES = 64;

  private final NativeMemory memory;
  private final int base;

  RelayRecord(NativeMemory memory, int base) {
    this.memory = memory;
    this.base = base;
  }

  long id() {
    return memory.getLong(base);
  }

  /** Frees the record: all of it is zero afterwards, the id first. */
  void clear() {
    for (int at = 0; at < BYTES; at += 8) {
      memory.putLong(base + at, 0);
    }
  }

  /** Fills in a free record; it counts as taken when the id is written, last. */
  void begin(RelaySpec spec, long now) {
    memory.putLong(base + 8, now);
    memory.putLong(base + 16, now);
    memory.putLong(base + 32, spec.idleTimeoutMs());
    memory.putLong(base + 40, spec.halfCloseTimeoutMs());
    memory.putLong(base + 48, spec.maxDurationMs());
    memory.putLong(base + 56, spec.maxBytes());
    memory.putInt(base + 72, (int) spec.uid());
    memory.putInt(base + 76, spec.flagsA());
    memory.putInt(base + 80, spec.flagsB());
    for (int direction = 0; direction < 2; direction++) {
      pipe(direction, -1);
    }
    memory.putLong(base, spec.id());
  }

  long startNanos() {
    return memory.getLong(base + 8);
  }

  long activityNanos() {
    return memory.getLong(base + 16);
  }

  void activityNanos(long now) {
    memory.putLong(base + 16, now);
  }

  /** Notes that the relay ends, why, and until when what was read may still be delivered. */
  void ending(EndReason reason, long deadlineNanos) {
    memory.putLong(base + 24, deadlineNanos);
    memory.putByte(base + 64, reason.code());
  }

  void endedBy(Side side) {
    memory.putByte(base + 65, side.index() + 1);
  }

  void errno(int errno) {
    memory.putInt(base + 68, errno);
  }

  long in(int direction) {
    return memory.getLong(at(direction));
  }

  void in(int direction, long bytes) {
    memory.putLong(at(direction), bytes);
  }

  long out(int direction) {
    return memory.getLong(at(direction) + 8);
  }

  void out(int direction, long bytes) {
    memory.putLong(at(direction) + 8, bytes);
  }

  long prelude(int direction) {
    return memory.getLong(at(direction) + 16);
  }

  void prelude(int direction, long bytes) {
    memory.putLong(at(direction) + 16, bytes);
  }

  /** The number of the pipe that holds the direction's bytes, or -1. */
  void pipe(int direction, int number) {
    memory.putInt(at(direction) + 24, number);
  }

  int ends(int direction) {
    return memory.getInt(at(direction) + 28);
  }

  void addEnds(int direction, int bits) {
    memory.putInt(at(direction) + 28, ends(direction) | bits);
  }

  /** Bytes written to the destination, without the prelude. */
  long delivered(int direction) {
    return Math.max(0, out(direction) - prelude(direction));
  }

  private int at(int direction) {
    return base + DIRECTION + direction * DIRECTION_BYTES;
  }
}
