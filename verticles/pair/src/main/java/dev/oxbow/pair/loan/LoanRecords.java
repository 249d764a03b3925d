package dev.oxbow.pair.loan;

import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;

/**
 * What a node must not forget of its loans, in memory that may outlive the process: a file on tmpfs
 * that is mapped, so that what was written stays when the process is killed at any instruction.
 * Memory of zeros, or of other blocks, is none. One thread at a time.
 *
 * <pre>
 *  0 magic u64 (0: no memory)   8 fingerprint u64   16 born ms u64   24 clock u64
 *  32 + 16 b: epoch of block b u64 (0: not lent)   until ms u64
 * </pre>
 *
 * <p>A block of this node's own is lent until then; one of the partner's may be used until then.
 * Times are those of a clock that goes on while the machine sleeps and over a restart of the
 * process (CLOCK_BOOTTIME). A reboot begins another clock, and memory that has times of the old one
 * is none.
 */
public final class LoanRecords {

  /** Not lent, or not held. */
  static final long FREE = 0;

  /** May be lent, and nobody remembers. */
  static final long UNKNOWN = -1;

  /** "pairloan". */
  private static final long MAGIC = 0x7061_6972_6c6f_616eL;

  private static final int HEADER_BYTES = 32;
  private static final int RECORD_BYTES = 16;

  private final ByteBuffer memory;
  private final long clock;

  /**
   * @param memory of at least {@link #bytes} bytes, which stays the caller's
   * @param clock which clock the times are of: differs from boot to boot
   */
  public LoanRecords(ByteBuffer memory, long clock) {
    this.memory = memory;
    this.clock = clock;
  }

  /** How much memory so many blocks need. */
  public static int bytes(int blocks) {
    return HEADER_BYTES + blocks * RECORD_BYTES;
  }

  boolean isOf(long fingerprint) {
    return memory.getLong(0) == MAGIC
        && memory.getLong(8) == fingerprint
        && memory.getLong(24) == clock;
  }

  /** Memory begins: call it last, when the record of each block stands. */
  void born(long fingerprint, long nowMs) {
    memory.putLong(8, fingerprint);
    memory.putLong(16, nowMs);
    memory.putLong(24, clock);
    VarHandle.storeStoreFence();
    memory.putLong(0, MAGIC);
  }

  /** There is no memory until it is born. */
  void unborn() {
    memory.putLong(0, 0);
    VarHandle.storeStoreFence();
  }

  /** Since when there is a memory. */
  long bornMs() {
    return memory.getLong(16);
  }

  long epoch(int block) {
    return memory.getLong(at(block));
  }

  long untilMs(int block) {
    return memory.getLong(at(block) + 8);
  }

  /** In this order: a process that is killed between the two has lent or taken nothing yet. */
  void set(int block, long epoch, long untilMs) {
    memory.putLong(at(block) + 8, untilMs);
    VarHandle.storeStoreFence();
    memory.putLong(at(block), epoch);
  }

  /** Another time for the loan that stands. */
  void setUntil(int block, long untilMs) {
    memory.putLong(at(block) + 8, untilMs);
  }

  void free(int block) {
    memory.putLong(at(block), FREE);
  }

  private static int at(int block) {
    return HEADER_BYTES + block * RECORD_BYTES;
  }
}
