package dev.oxbow.service.flow;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.WorkRecord;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The work on one flow in a ledger: what the records of all services that carry packets begin with.
 * One writer while the work lives; any thread may read counters a moment old.
 *
 * <pre>
 *   0 id u64 (0: free)    8 startNanos          16 activityNanos       24 uid u32
 *  28 mtu u32            32 kind u8            33 the service's       34 reason u8 (0: runs)
 *  35 the service's      36 errno u32          40 packets in u64      48 packets out u64
 *  56 the service's, 8 bytes                   64 dropped u64 x 16, by code
 * 192 the service's, from here on
 * </pre>
 *
 * Times are CLOCK_MONOTONIC, in nanoseconds.
 */
public abstract class FlowRecord extends WorkRecord {
  private static final int IN = 40;
  private static final int OUT = 48;
  private static final int DROPPED = 64;

  /**
   * @param slot its place in the table
   */
  protected FlowRecord(NativeMemory memory, int base, int slot) {
    super(memory, base, slot);
  }

  /** Fills in the beginning of a free record, but for the id. */
  protected final void started(long uid, FlowKind kind, int mtu, long now) {
    started(now);
    memory.putInt(base + 24, (int) uid);
    memory.putInt(base + 28, mtu);
    memory.putByte(base + 32, kind.code());
  }

  /** Whose it is. */
  protected final long uid() {
    return memory.getInt(base + 24) & 0xffff_ffffL;
  }

  /** Of the flow, in bytes. */
  protected final int mtu() {
    return memory.getInt(base + 28);
  }

  /**
   * What the flow is.
   *
   * @throws IllegalArgumentException for a kind that this version does not know
   */
  protected final FlowKind kind() {
    return FlowKind.of(memory.getByte(base + 32));
  }

  /** Notes that the work ends, and why; the first reason stays. */
  public final void ending(EndReason reason, int errno) {
    if (reason() == null) {
      memory.putInt(base + 36, errno);
      memory.putByte(base + 34, reason.code());
    }
  }

  /** Why it ends, or null while it runs. */
  public final @Nullable EndReason reason() {
    return EndReason.of(memory.getByte(base + 34));
  }

  /** The error's number with {@link EndReason#ERROR}, else 0. */
  public final int errno() {
    return memory.getInt(base + 36);
  }

  /** Packets came from the flow. */
  public final void countIn(int packets) {
    count(IN, packets);
  }

  /** The flow took packets. */
  public final void countOut(int packets) {
    count(OUT, packets);
  }

  /** Packets went no further. */
  public final void countDropped(Drop why, int packets) {
    count(DROPPED + 8 * why.code(), packets);
  }

  private void count(int at, int packets) {
    memory.putLong(base + at, memory.getLong(base + at) + packets);
  }

  /** Packets that came or went. */
  public final long carried() {
    return memory.getLong(base + IN) + memory.getLong(base + OUT);
  }

  /** Packets that went no further for that reason. */
  public final long dropped(Drop why) {
    return memory.getLong(base + DROPPED + 8 * why.code());
  }

  /**
   * The counters.
   *
   * @param reasons all that the service has
   */
  protected final PacketCounts packets(Drop[] reasons) {
    Map<String, Long> dropped = new LinkedHashMap<>();
    for (Drop why : reasons) {
      long packets = dropped(why);
      if (packets != 0) {
        dropped.put(why.wireName(), packets);
      }
    }
    return new PacketCounts(memory.getLong(base + IN), memory.getLong(base + OUT), dropped);
  }
}
