package dev.oxbow.handoff.state;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.StateTable.Layout;

/**
 * A table in as many regions of equal size as there are groups of tasks: a record stays in its
 * group for life, so that a group can be handed over while others are worked on.
 *
 * <p>Not synchronized, as {@link StateTable}.
 */
public final class GroupTable implements AutoCloseable {
  private final StateTable table;
  private final int perGroup;

  /**
   * What a kind of tables has in common.
   *
   * @param magic tells one kind from another
   * @param version of the record's layout; the newest that this process understands
   * @param recordBytes size of a record, the same in all versions
   * @param groups how many there are
   */
  public record Kind(long magic, int version, int recordBytes, int groups) {}

  private GroupTable(StateTable table, int groups) {
    this.table = table;
    this.perGroup = table.layout().records() / groups;
  }

  /**
   * Makes an empty table.
   *
   * @param name what /proc shows of the memfd
   * @param perGroup records of each group
   */
  public static GroupTable open(String name, Kind kind, int perGroup) {
    int records = Math.multiplyExact(kind.groups, perGroup);
    Layout layout = new Layout(kind.magic, kind.version, kind.version, kind.recordBytes, records);
    return new GroupTable(StateTable.open(name, layout), kind.groups);
  }

  /**
   * Takes over the table of another process. Whoever wrote it must understand it until this process
   * alone works on it.
   *
   * @param memfd owned by the table from here on, and closed when this throws
   * @throws IllegalArgumentException saying what does not fit
   */
  public static GroupTable adopt(Descriptor memfd, Kind kind) {
    return new GroupTable(
        StateTable.adopt(memfd, kind.magic, kind.version, kind.recordBytes, kind.groups),
        kind.groups);
  }

  /** The memfd, owned by this table. */
  public Descriptor descriptor() {
    return table.descriptor();
  }

  /** The mapped bytes. */
  public NativeMemory memory() {
    return table.memory();
  }

  /** Where a record begins in {@link #memory()}. */
  public int offset(int slot) {
    return table.offset(slot);
  }

  /** How many records there are in all. */
  public int records() {
    return table.layout().records();
  }

  /** How many records each group has. */
  public int perGroup() {
    return perGroup;
  }

  /** The group that a record belongs to. */
  public int groupOf(int slot) {
    return slot / perGroup;
  }

  /** The version of the layout that records are written in. */
  public int version() {
    return table.layout().version();
  }

  /** All records are in this version of the layout from here on; see {@link StateTable#convert}. */
  public void converted(int version) {
    table.convert(version, version);
  }

  /** Unmaps and closes; the memory lives on while another process has it. */
  @Override
  public void close() {
    table.close();
  }
}
