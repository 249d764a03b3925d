package dev.oxbow.handoff.state;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.NativeMemory;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A table of records of one size in a memfd or in a file, mapped for as long as the table is open.
 * Every process that maps it sees the same bytes. Records start zeroed; pages of a memfd that
 * nobody touched take no memory.
 *
 * <pre>
 * header, 64 bytes, native order
 *  0 magic u64   8 version u32   12 lowest compatible version u32
 * 16 record bytes u32   20 records u32
 * 24 boot u64, in a file: of the machine's start since which times in it are counted
 * 32..63 reserved, zero
 * </pre>
 *
 * <p>Not synchronized: who may write which record is the user's matter.
 */
public final class StateTable implements AutoCloseable {

  /** Bytes before the first record. */
  static final int HEADER_BYTES = 64;

  private final Descriptor memfd;
  private final NativeMemory memory;
  private Layout layout;

  /**
   * What a table holds.
   *
   * @param magic tells one kind of table from another
   * @param version of the record's layout
   * @param compatible the lowest version that a reader must know to understand it
   * @param recordBytes size of a record
   * @param records how many
   */
  public record Layout(long magic, int version, int compatible, int recordBytes, int records) {

    int bytes() {
      return Math.addExact(HEADER_BYTES, Math.multiplyExact(recordBytes, records));
    }
  }

  private StateTable(Descriptor memfd, NativeMemory memory, Layout layout) {
    this.memfd = memfd;
    this.memory = memory;
    this.layout = layout;
  }

  /**
   * Makes an empty table.
   *
   * @param name what /proc shows of the memfd
   */
  public static StateTable open(String name, Layout layout) {
    return begin(Memfd.open(name, layout.bytes()), layout, 0);
  }

  /**
   * Makes an empty table in a file, in place of what has its name; it outlives the process. Takes
   * all of its memory at once, so that a full disk is told here, and is no fault later. Blocks.
   *
   * @throws IllegalStateException saying why there can be no such file
   */
  public static StateTable open(Path file, Layout layout) {
    return begin(TableFile.make(file, layout.bytes()), layout, TableFile.boot());
  }

  /**
   * A table that a process which is gone has left in a file, and that this one can go on with: not
   * from before the machine's last start, and of this kind, whatever the number of its records.
   * Blocks.
   *
   * @return null when there is none
   */
  public static @Nullable StateTable find(Path file, Layout layout) {
    Descriptor found = TableFile.find(file, HEADER_BYTES);
    if (found == null) {
      return null;
    }
    try {
      NativeMemory header = NativeMemory.map(found.fd(), HEADER_BYTES);
      boolean ours = header.getLong(24) == TableFile.boot();
      boolean whole =
          TableFile.bytes(file)
              >= HEADER_BYTES + (long) header.getInt(16) * Math.max(0, header.getInt(20));
      header.unmap();
      if (ours && whole) {
        return adopt(found, layout.magic, layout.version, layout.recordBytes, 1);
      }
    } catch (IllegalArgumentException e) {
      // Of another kind, or of a version that this one does not know: closed by then.
      return null;
    }
    found.close();
    return null;
  }

  private static StateTable begin(Descriptor memory, Layout layout, long boot) {
    try {
      NativeMemory header = NativeMemory.map(memory.fd(), HEADER_BYTES);
      header.putInt(8, layout.version);
      header.putInt(12, layout.compatible);
      header.putInt(16, layout.recordBytes);
      header.putInt(20, layout.records);
      header.putLong(24, boot);
      header.putLong(0, layout.magic);
      header.unmap();
      return adopt(memory, layout.magic, layout.version);
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  /**
   * Maps a table that another process made.
   *
   * @param memfd owned by the table from here on, unless this throws
   * @param magic the kind of table that is expected
   * @param known the newest version of the layout that this process understands
   * @throws IllegalArgumentException naming both versions, or what else does not fit
   */
  public static StateTable adopt(Descriptor memfd, long magic, int known) {
    NativeMemory header = NativeMemory.map(memfd.fd(), HEADER_BYTES);
    try {
      if (header.getLong(0) != magic) {
        throw new IllegalArgumentException("not a table of the expected kind");
      }
      Layout layout =
          new Layout(
              magic, header.getInt(8), header.getInt(12), header.getInt(16), header.getInt(20));
      if (layout.compatible > known) {
        throw new IllegalArgumentException(
            String.format(
                "table has layout %d, readable from version %d on; this process knows %d",
                layout.version, layout.compatible, known));
      }
      return new StateTable(memfd, NativeMemory.map(memfd.fd(), layout.bytes()), layout);
    } finally {
      header.unmap();
    }
  }

  /**
   * As {@link #adopt(Descriptor, long, int)}, for records of a known size.
   *
   * @param memfd owned by the table from here on, and closed when this throws
   * @param recordBytes size of a record
   * @param multiple the number of records is this or a multiple of it
   * @throws IllegalArgumentException likewise
   */
  public static StateTable adopt(
      Descriptor memfd, long magic, int known, int recordBytes, int multiple) {
    try {
      StateTable table = adopt(memfd, magic, known);
      Layout layout = table.layout;
      if (layout.recordBytes != recordBytes
          || layout.records <= 0
          || layout.records % multiple != 0) {
        table.memory.unmap();
        throw new IllegalArgumentException("a table of another shape: " + layout);
      }
      return table;
    } catch (RuntimeException e) {
      memfd.close();
      throw e;
    }
  }

  /** The mapped bytes, header included. */
  public NativeMemory memory() {
    return memory;
  }

  /** Where a record begins in {@link #memory()}. */
  public int offset(int record) {
    return HEADER_BYTES + layout.recordBytes * record;
  }

  /**
   * Notes that all records have been brought into another layout of the same size. To be called
   * when no other process works on the table any more.
   */
  public void convert(int version, int compatible) {
    layout = new Layout(layout.magic, version, compatible, layout.recordBytes, layout.records);
    memory.putInt(8, version);
    memory.putInt(12, compatible);
  }

  /** Size and version of what it holds. */
  public Layout layout() {
    return layout;
  }

  /** The memfd or the file, owned by this table. */
  public Descriptor descriptor() {
    return memfd;
  }

  /** Unmaps and closes; the memory lives on in its file, or while another process has it. */
  @Override
  public void close() {
    memory.unmap();
    memfd.close();
  }
}
