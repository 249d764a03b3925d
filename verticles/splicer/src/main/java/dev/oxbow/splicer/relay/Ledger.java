package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.state.GroupTable;
import org.jspecify.annotations.Nullable;

/**
 * All records of a Splicer, in a memfd from the start, in {@link DataPlane#GROUPS} regions. A relay
 * stays in its group for life. Records are taken and freed by the control loop only; what is free
 * is what has no id.
 */
final class Ledger implements AutoCloseable {

  /** "OXSPLICE" in ASCII. */
  private static final long MAGIC = 0x4543494c5053584fL;

  /**
   * Environment variable: a process in which it is 1 is one of layout 1, which writes and reads no
   * other. Only tests of upgrades from that layout set it.
   */
  private static final String SHIM = "OXBOW_LEDGER_LAYOUT";

  /**
   * Of the record's layout; a process reads this one and those down to {@link #OLDEST}. Layout 1
   * has no field {@code broken}.
   */
  static final int VERSION = "1".equals(System.getenv(SHIM)) ? 1 : 2;

  /** The oldest layout that can be taken over. */
  static final int OLDEST = 1;

  private static final GroupTable.Kind KIND =
      new GroupTable.Kind(MAGIC, VERSION, RelayRecord.BYTES, DataPlane.GROUPS);

  private final GroupTable table;
  private final int[] hints = new int[DataPlane.GROUPS];

  Ledger(int perGroup) {
    this(GroupTable.open("oxbow-splicer-ledger", KIND, perGroup));
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

  /** All records are in this process's layout from here on, and so are new ones. */
  void converted() {
    table.converted(VERSION);
  }

  /** A record by its place. */
  RelayRecord record(int slot) {
    return new RelayRecord(table.memory(), table.offset(slot), slot, table.version());
  }

  /** A free record of a group, or null when it has none. */
  @Nullable RelayRecord free(int group) {
    int perGroup = table.perGroup();
    for (int i = 0; i < perGroup; i++) {
      int slot = (hints[group] + i) % perGroup;
      RelayRecord record = record(group * perGroup + slot);
      if (record.id() == 0) {
        hints[group] = slot + 1;
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
