package dev.oxbow.pair;

import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.pair.loan.LoanRecords;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * The file in which a node remembers its loans: mapped, so that it is the same memory for the
 * process that follows an upgrade, and is there after a crash. One thread at a time.
 *
 * <pre>
 *  0 what {@link LoanRecords} has there, in 16-byte records
 *  the last record: 0 u64: 1 when the process before ended in order and noted which ports rest
 * </pre>
 */
final class LoanMemory implements AutoCloseable {

  /** "fishloan". */
  private static final long MAGIC = 0x6669_7368_6c6f_616eL;

  private static final int VERSION = 1;
  private static final int RECORD_BYTES = 16;

  /** A file has times of one boot only: the table sees to that. */
  private static final long CLOCK = 1;

  private final StateTable table;
  private final int records;

  private LoanMemory(StateTable table, int records) {
    this.table = table;
    this.records = records;
  }

  /**
   * The memory that a process before this one has left, if it was of as many blocks, or none.
   * Blocks.
   *
   * @throws IllegalStateException saying why there can be no such file
   */
  static LoanMemory open(Path file, int blocks) {
    int records = (LoanRecords.bytes(blocks) + RECORD_BYTES - 1) / RECORD_BYTES;
    StateTable.Layout layout =
        new StateTable.Layout(MAGIC, VERSION, VERSION, RECORD_BYTES, records + 1);
    StateTable found = StateTable.find(file, layout);
    if (found != null && found.layout().records() != layout.records()) {
      found.close();
      found = null;
    }
    return new LoanMemory(found == null ? StateTable.open(file, layout) : found, records);
  }

  LoanRecords records() {
    ByteBuffer all = table.memory().view();
    return new LoanRecords(
        all.position(table.offset(0)).limit(table.offset(records)).slice(), CLOCK);
  }

  /** Whether the process before ended in order; forgotten with that. */
  boolean takeEndedInOrder() {
    boolean ended = table.memory().getLong(table.offset(records)) == 1;
    table.memory().putLong(table.offset(records), 0);
    return ended;
  }

  /** Notes that it is known which ports rest, for the next process. */
  void noteEndedInOrder() {
    table.memory().putLong(table.offset(records), 1);
  }

  @Override
  public void close() {
    table.close();
  }
}
