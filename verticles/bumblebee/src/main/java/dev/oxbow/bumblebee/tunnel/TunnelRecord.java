package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.service.flow.FlowRecord;
import dev.oxbow.service.flow.PacketCounts;

/**
 * One tunnel's record in the ledger, with what it has besides that of any flow. One writer: the
 * tunnel's loop, while the tunnel lives.
 *
 * <pre>
 *  33 vnetHdr u8
 *  56 held bytes u32 (0: none)                  60 held segments u32, already sent
 * 192..255 reserved
 * </pre>
 */
final class TunnelRecord extends FlowRecord {

  /** Size of a record. */
  static final int BYTES = 256;

  TunnelRecord(NativeMemory memory, int base, int slot) {
    super(memory, base, slot);
  }

  /** Frees the record: all of it is zero afterwards, the id first. */
  void clear() {
    clear(BYTES);
  }

  /** Fills in a free record; it counts as taken when the id is written, last. */
  void begin(TunnelSpec spec, long now) {
    started(spec.uid(), spec.kind(), spec.mtu(), now);
    memory.putByte(base + 33, spec.vnetHdr() ? 1 : 0);
    taken(spec.id());
  }

  /** What a tunnel that another process began is made of. */
  TunnelSpec spec(int flow) {
    return new TunnelSpec(id(), uid(), flow, kind(), mtu(), memory.getByte(base + 33) != 0);
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
  PacketCounts packets() {
    return packets(DropReason.values());
  }
}
