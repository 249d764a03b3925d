package dev.oxbow.splicer.relay;

import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.handoff.state.StateTable.Layout;
import org.jspecify.annotations.Nullable;

/**
 * All records of a Splicer, in a memfd from the start, in {@link DataPlane#GROUPS} regions. A relay
 * stays in its group for life. Records are taken and freed by the control loop only; what is free
 * is what has no id.
 */
final class Ledger implements AutoCloseable {

  /** "OXSPLICE" in ASCII. */
  private static final long MAGIC = 0x4543494c5053584fL;

  private static final int VERSION = 1;

  private final StateTable table;
  private final int perGroup;
  private final int[] hints = new int[DataPlane.GROUPS];

  Ledger(int perGroup) {
    this.perGroup = perGroup;
    Layout layout =
        new Layout(MAGIC, VERSION, VERSION, RelayRecord.BYTES, DataPlane.GROUPS * perGroup);
    this.table = StateTable.open("oxbow-splicer-ledger", layout);
  }

  /** A free record of a group, or null when it has none. */
  @Nullable RelayRecord free(int group) {
    for (int i = 0; i < perGroup; i++) {
      int slot = (hints[group] + i) % perGroup;
      RelayRecord record = new RelayRecord(table.memory(), table.offset(group * perGroup + slot));
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
