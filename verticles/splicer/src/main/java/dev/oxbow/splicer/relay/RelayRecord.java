package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.WorkRecord;
import org.jspecify.annotations.Nullable;

/**
 * One relay's record in the ledger. One writer: the relay's loop, while the relay lives. With the
 * sockets, the pipes and the request it is all that another process needs to go on.
 *
 * <pre>
 *   0 id u64 (0: free)       8 startNanos           16 activityNanos     24 endDeadlineNanos
 *  32 idleTimeoutMs         40 halfCloseTimeoutMs   48 maxDurationMs     56 maxBytes
 *  64 reason u8 (0: runs)   65 endedBy u8 (0: none) 66 broken u8 (new in 2)  68 errno u32
 *  72 uid u32               76 flags of a u32       80 flags of b u32    88 overNanos (0: not over)
 *  96 a to b, 64 bytes     160 b to a, 64 bytes    224..255 reserved
 *
 * direction: 0 in u64   8 out u64   16 prelude u64   24 pipe i32 (-1: none)   28 ends u32
 * </pre>
 *
 * Times are CLOCK_MONOTONIC, in nanoseconds. {@code in} and {@code out} count the prelude too; what
 * lies between them is in the pipe.
 */
public final class RelayRecord extends WorkRecord {

  /** Size of a record. */
  static final int BYTES = 256;

  /** The source has ended: no more will be read. */
  static final int SOURCE_ENDED = 1;

  /** The destination was shut down for writing. */
  static final int SHUT_DOWN = 2;

  /** The source's connection was reset. */
  static final int SOURCE_RESET = 4;

  /** The destination had been shut down before the relay began. */
  static final int WAS_SHUT_DOWN = 8;

  private static final int LAYOUT_WITH_BROKEN = 2;
  private static final int DIRECTION = 96;
  private static final int DIRECTION_BYTES = 64;

  private int layout;

  /**
   * @param layout that it is written in
   */
  RelayRecord(NativeMemory memory, int base, int slot, int layout) {
    super(memory, base, slot);
    this.layout = layout;
  }

  /** Brings it into this process's layout; no other process may work on it any more. */
  void convert() {
    Side known = broken();
    layout = Ledger.VERSION;
    if (known != null) {
      broken(known);
    }
  }

  /** Frees the record: all of it is zero afterwards, the id first. */
  void clear() {
    clear(BYTES);
  }

  /** Fills in a free record; it counts as taken when the id is written, last. */
  void begin(RelaySpec spec, long now) {
    started(now);
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
    taken(spec.id());
  }

  /** What a relay that another process began is to do; its descriptors are ours. */
  RelaySpec spec(Sockets sockets) {
    return new RelaySpec(
        id(),
        memory.getInt(base + 72) & 0xffffffffL,
        sockets.guarded(),
        sockets.a(),
        sockets.b(),
        sockets.tcpA(),
        sockets.tcpB(),
        memory.getInt(base + 76),
        memory.getInt(base + 80),
        null,
        0,
        null,
        0,
        memory.getLong(base + 32),
        memory.getLong(base + 40),
        memory.getLong(base + 48),
        memory.getLong(base + 56));
  }

  /**
   * The two sockets of a relay that another process began, as this process has them.
   *
   * @param a descriptor of side a
   * @param b descriptor of side b
   * @param tcpA whether a is TCP
   * @param tcpB whether b is TCP
   * @param guarded whether their owner is not trusted with the loop
   */
  public record Sockets(int a, int b, boolean tcpA, boolean tcpB, boolean guarded) {}

  /** Notes that the relay ends, why, and until when what was read may still be delivered. */
  void ending(EndReason reason, long deadlineNanos) {
    memory.putLong(base + 24, deadlineNanos);
    memory.putByte(base + 64, reason.code());
  }

  /** Why it ends, or null while it runs. */
  @Nullable EndReason reason() {
    return EndReason.of(memory.getByte(base + 64));
  }

  /** Until when a relay that ends delivers. */
  long endDeadlineNanos() {
    return memory.getLong(base + 24);
  }

  void endedBy(Side side) {
    memory.putByte(base + 65, side.index() + 1);
  }

  @Nullable Side endedBy() {
    return side(memory.getByte(base + 65));
  }

  /** The side whose connection broke first. */
  void broken(Side side) {
    if (layout >= LAYOUT_WITH_BROKEN) {
      memory.putByte(base + 66, side.index() + 1);
    }
  }

  /** Layout 1 does not tell which of two broken sides was the first. */
  @Nullable Side broken() {
    if (layout >= LAYOUT_WITH_BROKEN) {
      return side(memory.getByte(base + 66));
    }
    for (Side side : Side.values()) {
      if ((ends(side.index()) & SOURCE_RESET) != 0) {
        return side;
      }
    }
    return null;
  }

  private static @Nullable Side side(int code) {
    return code == 0 ? null : code == Side.A.index() + 1 ? Side.A : Side.B;
  }

  /** Nothing is left to do; only the giving back waits. */
  void over(long now) {
    memory.putLong(base + 88, now);
  }

  /** When it was over, or 0. */
  long overNanos() {
    return memory.getLong(base + 88);
  }

  int errno() {
    return memory.getInt(base + 68);
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

  /** Bytes of the prelude, or 0 once all of it is written. */
  long waitingPrelude(int direction) {
    return out(direction) < prelude(direction) ? prelude(direction) : 0;
  }

  /** The number of the pipe that holds the direction's bytes, or -1. */
  void pipe(int direction, int number) {
    memory.putInt(at(direction) + 24, number);
  }

  int pipe(int direction) {
    return memory.getInt(at(direction) + 24);
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
