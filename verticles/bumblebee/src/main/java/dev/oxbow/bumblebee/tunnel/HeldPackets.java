package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.handoff.state.StateTable.Layout;
import dev.oxbow.service.flow.Bench;
import java.nio.ByteBuffer;

/**
 * For each tunnel room for the one packet that its flow had no room for, in a memfd, so that
 * whoever goes on has it. {@link TunnelRecord#heldBytes()} tells whether there is one. A packet has
 * its virtio_net_hdr before it, its checksum may be partial, and it is translated already.
 */
final class HeldPackets implements AutoCloseable {

  /** "OXHELDPK" in ASCII. */
  private static final long MAGIC = 0x4b50444c4548584fL;

  private static final int VERSION = 1;
  private static final int BYTES = VirtioNetHeader.BYTES + Bench.PACKET_BYTES + 7 & ~7;

  private final StateTable table;
  private final ByteBuffer packets;

  HeldPackets(int slots) {
    this(
        StateTable.open("oxbow-bumblebee-held", new Layout(MAGIC, VERSION, VERSION, BYTES, slots)));
  }

  private HeldPackets(StateTable table) {
    this.table = table;
    this.packets = table.memory().view();
  }

  /**
   * Takes over the memory of another process.
   *
   * @param memfd owned by this object from here on, and closed when this throws
   * @param slots places in the ledger
   * @throws IllegalArgumentException saying what does not fit
   */
  static HeldPackets adopt(Descriptor memfd, int slots) {
    return new HeldPackets(StateTable.adopt(memfd, MAGIC, VERSION, BYTES, slots));
  }

  Descriptor descriptor() {
    return table.descriptor();
  }

  /**
   * Keeps a packet.
   *
   * @param at where its header begins
   * @param bytes of the packet behind that
   */
  void store(int slot, ByteBuffer from, int at, int bytes) {
    packets.put(table.offset(slot), from, at, VirtioNetHeader.BYTES + bytes);
  }

  /** Puts a packet back to where it is worked on; returns its length. */
  int restore(int slot, int bytes, ByteBuffer to, int at) {
    to.put(at, packets, table.offset(slot), VirtioNetHeader.BYTES + bytes);
    return bytes;
  }

  @Override
  public void close() {
    table.close();
  }
}
