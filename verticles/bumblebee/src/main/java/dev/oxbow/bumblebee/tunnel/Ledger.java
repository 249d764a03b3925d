package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.handoff.state.StateTable.Layout;
import org.jspecify.annotations.Nullable;

/**
 * All tunnels of a Bumblebee, in a memfd from the start, in {@link TunnelPlane#GROUPS} regions. A
 * tunnel stays in its group for life, and its place tells the addresses of its device. Records are
 * taken and freed by the control loop only; what is free is what has no id.
 */
final class Ledger implements AutoCloseable {

  /** "OXTUNNEL" in ASCII. */
  private static final long MAGIC = 0x4c454e4e5554584fL;

  /** Of the record's layout. */
  static final int VERSION = 1;

  /** The oldest layout that can be taken over. */
  static final int OLDEST = 1;

  private final StateTable table;
  private final int perGroup;

  Ledger(int perGroup) {
    this.perGroup = perGroup;
    Layout layout =
        new Layout(MAGIC, VERSION, VERSION, TunnelRecord.BYTES, TunnelPlane.GROUPS * perGroup);
    this.table = StateTable.open("oxbow-bumblebee-ledger", layout);
  }

  private Ledger(StateTable table) {
    this.table = table;
    this.perGroup = table.layout().records() / TunnelPlane.GROUPS;
  }

  /**
   * Takes over the ledger of another process.
   *
   * @param memfd owned by the ledger from here on
   * @throws IllegalArgumentException saying what does not fit
   */
  static Ledger adopt(Descriptor memfd) {
    StateTable table = StateTable.adopt(memfd, MAGIC, VERSION);
    Layout layout = table.layout();
    if (layout.recordBytes() != TunnelRecord.BYTES || layout.records() % TunnelPlane.GROUPS != 0) {
      table.close();
      throw new IllegalArgumentException("a ledger of another shape: " + layout);
    }
    return new Ledger(table);
  }

  /** The memfd, owned by the ledger. */
  Descriptor descriptor() {
    return table.descriptor();
  }

  /** How many records it has. */
  int records() {
    return perGroup * TunnelPlane.GROUPS;
  }

  /** The group that a place belongs to. */
  int groupOf(int slot) {
    return slot / perGroup;
  }

  /** A record by its place. */
  TunnelRecord record(int slot) {
    return new TunnelRecord(table.memory(), table.offset(slot), slot);
  }

  /** The first free record of a group, so that its device may be there already; null for none. */
  @Nullable TunnelRecord free(int group) {
    for (int i = 0; i < perGroup; i++) {
      TunnelRecord record = record(group * perGroup + i);
      if (record.id() == 0) {
        return record;
      }
    }
    return null;
  }

  @Override
  public void close() {
    table.close();
  }
}
