package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.state.StateTable;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All sessions of a Fish, lost ones included: one fixed record each in mapped memory. What is free
 * is what has no id. One thread at a time.
 */
final class SessionLedger implements AutoCloseable {

  /** "fishsess". */
  static final long MAGIC = 0x6669_7368_7365_7373L;

  /** Of the record's layout. */
  static final int VERSION = 1;

  private final StateTable table;
  private final List<SessionRecord> records = new ArrayList<>();

  /**
   * @param table owned from here on
   */
  SessionLedger(StateTable table) {
    this.table = table;
    for (int slot = 0; slot < table.layout().records(); slot++) {
      records.add(new SessionRecord(table.memory(), table.offset(slot), slot));
    }
  }

  /** The layout of a ledger with room for so many sessions. */
  static StateTable.Layout layout(int sessions) {
    return new StateTable.Layout(MAGIC, VERSION, VERSION, SessionRecord.BYTES, sessions);
  }

  Descriptor descriptor() {
    return table.descriptor();
  }

  /**
   * The record of a session that is there.
   *
   * @throws IllegalArgumentException when there is none in that place
   */
  SessionRecord taken(int slot) {
    if (slot < 0 || slot >= records.size() || records.get(slot).id() == 0) {
      throw new IllegalArgumentException("no session in record " + slot);
    }
    return records.get(slot);
  }

  /** All records, free ones included. */
  List<SessionRecord> records() {
    return records;
  }

  /** A record that is free, or null. */
  @Nullable SessionRecord free() {
    for (SessionRecord record : records) {
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
