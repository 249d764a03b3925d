package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.WorkRecord;
import dev.oxbow.service.flow.FlowKind;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One tunnel's record in the ledger. One writer: the tunnel's loop, while the tunnel lives; any
 * thread may read counters a moment old.
 *
 * <pre>
 *   0 id u64 (0: free)    8 startNanos          16 activityNanos       24 uid u32
 *  28 mtu u32            32 kind u8            33 vnetHdr u8        34 reason u8 (0: runs)
 *  36 errno u32          40 packets in u64      48 packets out u64
 *  56 held bytes u32 (0: none)                  60 held segments u32, already sent
 *  64 dropped u64 x 16, by code                192..255 reserved
 * </pre>
 *
 * Times are CLOCK_MONOTONIC, in nanoseconds.
 */
final class TunnelRecord extends WorkRecord {

  /** Size of a record. */
  static final int BYTES = 256;

  private static final int DROPPED = 64;

  TunnelRecord(NativeMemory memory, int base, int slot) {
    super(memory, base, slot);
  }

  /** Frees the record: all of it is zero afterwards, the id first. */
  void clear() {
    clear(BYTES);
  }

  /** Fills in a free record; it counts as taken when the id is written, last. */
  void begin(TunnelSpec spec, long now) {
    started(now);
    memory.putInt(base + 24, (int) spec.uid());
    memory.putInt(base + 28, spec.mtu());
    memory.putByte(base + 32, spec.kind().code());
    memory.putByte(base + 33, spec.vnetHdr() ? 1 : 0);
    taken(spec.id());
  }

  /** What a tunnel that another process began is made of. */
  TunnelSpec spec(int flow) {
    return new TunnelSpec(
        id(),
        memory.getInt(base + 24) & 0xffffffffL,
        flow,
        FlowKind.of(memory.getByte(base + 32)),
        memory.getInt(base + 28),
        memory.getByte(base + 33) != 0);
  }

  /** Notes that the tunnel ends, and why; the first reason stays. */
  void ending(EndReason reason, int errno) {
    if (reason() == null) {
      memory.putInt(base + 36, errno);
      memory.putByte(base + 34, reason.code());
    }
  }

  /** Why it ends, or null while it runs. */
  @Nullable EndReason reason() {
    return EndReason.of(memory.getByte(base + 34));
  }

  int errno() {
    return memory.getInt(base + 36);
  }

  void countIn(int packets) {
    memory.putLong(base + 40, memory.getLong(base + 40) + packets);
  }

  void countOut(int packets) {
    memory.putLong(base + 48, memory.getLong(base + 48) + packets);
  }

  /** Packets that came or went. */
  long carried() {
    return memory.getLong(base + 40) + memory.getLong(base + 48);
  }

  void countDropped(DropReason reason, int packets) {
    int at = base + DROPPED + 8 * reason.code();
    memory.putLong(at, memory.getLong(at) + packets);
  }

  /** Bytes of the packet that the flow had no room for, its virtio_net_hdr included; 0 for none. */
  int heldBytes() {
    return memory.getInt(base + 56);
  }

  /** How many of its segments the flow took nevertheless. */
  int heldSegments() {
    return memory.getInt(base + 60);
  }

  void held(int bytes, int segments) {
    memory.putInt(base + 60, segments);
    memory.putInt(base + 56, bytes);
  }

  /** The counters. */
  TunnelOutcome.Packets packets() {
    Map<String, Long> dropped = new LinkedHashMap<>();
    for (DropReason reason : DropReason.values()) {
      long packets = dropped(reason);
      if (packets != 0) {
        dropped.put(reason.wireName(), packets);
      }
    }
    return new TunnelOutcome.Packets(memory.getLong(base + 40), memory.getLong(base + 48), dropped);
  }

  long dropped(DropReason reason) {
    return memory.getLong(base + DROPPED + 8 * reason.code());
  }
}
