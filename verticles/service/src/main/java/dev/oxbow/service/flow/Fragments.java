package dev.oxbow.service.flow;

import dev.oxbow.codecs.fragments.Reassembler;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.handoff.state.StateTable.Layout;

/**
 * Rooms for the fragments that wait for others, in a memfd, so that whoever goes on has them. Each
 * room has one user at a time.
 */
public final class Fragments implements AutoCloseable {

  /** "OXFRAGME" in ASCII. */
  private static final long MAGIC = 0x454d47415246584fL;

  private static final int VERSION = 1;

  private final StateTable table;
  private final Room room;

  /**
   * How large a room is.
   *
   * @param datagrams that are not complete, at most, 64 KiB each
   * @param perOwner of them, those of one owner
   */
  public record Room(int datagrams, int perOwner) {

    private int bytes() {
      return Reassembler.bytes(datagrams);
    }
  }

  private Fragments(StateTable table, Room room) {
    this.table = table;
    this.room = room;
  }

  /**
   * Makes empty rooms.
   *
   * @param name what /proc shows of the memfd
   */
  public static Fragments open(String name, int rooms, Room room) {
    Layout layout = new Layout(MAGIC, VERSION, VERSION, room.bytes(), rooms);
    return new Fragments(StateTable.open(name, layout), room);
  }

  /**
   * Takes over the memory of another process.
   *
   * @param memfd owned by this object from here on, and closed when this throws
   * @throws IllegalArgumentException saying what does not fit
   */
  public static Fragments adopt(Descriptor memfd, int rooms, Room room) {
    return new Fragments(StateTable.adopt(memfd, MAGIC, VERSION, room.bytes(), rooms), room);
  }

  /** The memfd, owned by this object. */
  public Descriptor descriptor() {
    return table.descriptor();
  }

  /** Begins to work in a room, or goes on. */
  public Reassembler of(int number, Reassembler.Loss loss) {
    return new Reassembler(
        table.memory().view(),
        table.offset(number),
        room.datagrams,
        room.perOwner,
        System::nanoTime,
        loss);
  }

  /** Where a position in the memory of a reassembler is. */
  public long address(int position) {
    return table.memory().address() + position;
  }

  @Override
  public void close() {
    table.close();
  }
}
