package dev.oxbow.fish.session;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.SessionOutcome.Packets;
import dev.oxbow.fish.session.SessionSpec.Owner;
import dev.oxbow.fish.session.SessionSpec.Range;
import dev.oxbow.handoff.state.WorkRecord;
import dev.oxbow.service.flow.FlowKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One session's record in the ledger.
 *
 * <pre>
 *   0 id u64 (0: free)    8 startNanos          16 activityNanos       24 uid u32
 *  28 mtu u32            32 kind u8            33 mapping u8          34 reason u8 (0: runs)
 *  35 lost u8            36 errno u32          40 packets in u64      48 packets out u64
 *  56 lost since nanos u64                     64 dropped u64 x 16, by code
 * 192 bytes of app u8   193 bytes of name u8  194 app, 64 bytes      258 name, 128 bytes
 * 386..511 reserved
 * </pre>
 *
 * Times are CLOCK_MONOTONIC, in nanoseconds. A lost session had its flow in a process that is gone;
 * its connections wait for whoever opens it again under the same uid, app and name.
 */
final class SessionRecord extends WorkRecord {

  /** Size of a record. */
  static final int BYTES = 512;

  private static final int DROPPED = 64;
  private static final int APP = 194;
  private static final int NAME = 258;

  SessionRecord(NativeMemory memory, int base, int slot) {
    super(memory, base, slot);
  }

  /** Frees the record: all of it is zero afterwards, the id first. */
  void clear() {
    clear(BYTES);
  }

  /** Fills in a free record; it counts as taken when the id is written, last. */
  void begin(SessionSpec spec, long now) {
    started(now);
    memory.putInt(base + 24, (int) spec.owner().uid());
    memory.putInt(base + 28, spec.mtu());
    memory.putByte(base + 32, spec.kind().code());
    memory.putByte(base + 33, spec.mapping().code());
    text(192, APP, spec.owner().app());
    text(193, NAME, spec.owner().name());
    taken(spec.id());
  }

  private void text(int lengthAt, int at, @Nullable String text) {
    byte[] bytes = text == null ? new byte[0] : text.getBytes(US_ASCII);
    memory.putBytes(base + at, bytes, 0, bytes.length);
    memory.putByte(base + lengthAt, bytes.length);
  }

  private @Nullable String text(int lengthAt, int at) {
    int length = memory.getByte(base + lengthAt) & 0xff;
    return length == 0 ? null : new String(memory.bytes(base + at, length), US_ASCII);
  }

  /** Who may open it again. */
  Owner owner() {
    return new Owner(memory.getInt(base + 24) & 0xffff_ffffL, text(192, APP), text(193, NAME));
  }

  /** What a session that another process began is made of. */
  SessionSpec spec(int flow, List<Range> egress) {
    return new SessionSpec(
        id(),
        owner(),
        flow,
        FlowKind.of(memory.getByte(base + 32)),
        memory.getInt(base + 28),
        Mapping.of(memory.getByte(base + 33)),
        egress);
  }

  /** Notes that the session ends, and why; the first reason stays. */
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

  /** Its flow is gone with the process that had it. */
  void lost(long now) {
    memory.putLong(base + 56, now);
    memory.putByte(base + 35, 1);
  }

  boolean isLost() {
    return memory.getByte(base + 35) != 0;
  }

  /** When that was noticed. */
  long lostNanos() {
    return memory.getLong(base + 56);
  }

  void countIn() {
    memory.putLong(base + 40, memory.getLong(base + 40) + 1);
  }

  void countOut() {
    memory.putLong(base + 48, memory.getLong(base + 48) + 1);
  }

  void countDropped(DropReason reason) {
    int at = base + DROPPED + 8 * reason.code();
    memory.putLong(at, memory.getLong(at) + 1);
  }

  /** The counters. */
  Packets packets() {
    Map<String, Long> dropped = new LinkedHashMap<>();
    for (DropReason reason : DropReason.values()) {
      long packets = memory.getLong(base + DROPPED + 8 * reason.code());
      if (packets != 0) {
        dropped.put(reason.wireName(), packets);
      }
    }
    return new Packets(memory.getLong(base + 40), memory.getLong(base + 48), dropped);
  }
}
