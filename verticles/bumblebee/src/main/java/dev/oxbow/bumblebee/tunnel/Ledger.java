package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.state.GroupTable;
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

  private static final GroupTable.Kind KIND =
      new GroupTable.Kind(MAGIC, VERSION, TunnelRecord.BYTES, TunnelPlane.GROUPS);

  private final GroupTable table;

  Ledger(int perGroup) {
    this(GroupTable.open("oxbow-bumblebee-ledger", KIND, perGroup));
  }

  private Ledger(GroupTable table) {
    this.table = table;
  }

  /** Takes over the ledger of another process, as {@link GroupTable#adopt}. */
  static Ledger adopt(Descriptor memfd) {
    return new Ledger(GroupTable.adopt(memfd, KIND));
  }

  /** The memfd, owned by the ledger. */
  Descriptor descriptor() {
    return table.descriptor();
  }

  /** How many records it has. */
  int records() {
    return table.records();
  }

  /** The group that a place belongs to. */
  int groupOf(int slot) {
    return table.groupOf(slot);
  }

  /** A record by its place. */
  TunnelRecord record(int slot) {
    return new TunnelRecord(table.memory(), table.offset(slot), slot);
  }

  /** The first free record of a group, so that its device may be there already; null for none. */
  @Nullable TunnelRecord free(int group) {
    for (int i = 0; i < table.perGroup(); i++) {
      TunnelRecord record = record(group * table.perGroup() + i);
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
