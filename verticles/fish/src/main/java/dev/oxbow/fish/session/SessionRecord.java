package dev.oxbow.fish.session;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.SessionSpec.Owner;
import dev.oxbow.fish.session.SessionSpec.Range;
import dev.oxbow.service.flow.FlowRecord;
import dev.oxbow.service.flow.PacketCounts;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One session's record in the ledger, with what it has besides that of any flow.
 *
 * <pre>
 *  33 mapping u8         35 lost u8            56 lost since nanos u64
 * 192 bytes of app u8   193 bytes of name u8  194 app, 64 bytes      258 name, 128 bytes
 * 386 vnetHdr u8        387..511 reserved
 * </pre>
 *
 * A lost session had its flow in a process that is gone; its connections wait for whoever opens it
 * again under the same uid, app and name.
 */
final class SessionRecord extends FlowRecord {

  /** Size of a record. */
  static final int BYTES = 512;

  private static final int APP = 194;
  private static final int NAME = 258;
  private static final int VNET_HDR = 386;

  SessionRecord(NativeMemory memory, int base, int slot) {
    super(memory, base, slot);
  }

  /** Frees the record: all of it is zero afterwards, the id first. */
  void clear() {
    clear(BYTES);
  }

  /** Fills in a free record; it counts as taken when the id is written, last. */
  void begin(SessionSpec spec, long now) {
    started(spec.owner().uid(), spec.kind(), spec.mtu(), now);
    memory.putByte(base + 33, spec.mapping().code());
    memory.putByte(base + VNET_HDR, spec.vnetHdr() ? 1 : 0);
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
    return new Owner(uid(), text(192, APP), text(193, NAME));
  }

  /** What a session that another process began is made of. */
  SessionSpec spec(int flow, List<Range> egress) {
    return new SessionSpec(
        id(),
        owner(),
        flow,
        kind(),
        memory.getByte(base + VNET_HDR) != 0,
        mtu(),
        Mapping.of(memory.getByte(base + 33)),
        egress);
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

  /** The counters. */
  PacketCounts packets() {
    return packets(DropReason.values());
  }
}
