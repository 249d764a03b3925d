package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.fragments.Reassembler;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.handoff.state.StateTable.Layout;

/**
 * For each group room for the fragments that wait for others, in a memfd, so that whoever goes on
 * has them.
 */
final class Fragments implements AutoCloseable {

  /** "OXFRAGME" in ASCII. */
  private static final long MAGIC = 0x454d47415246584fL;

  private static final int VERSION = 1;

  /** Incomplete datagrams of a group at most, 64 KiB each. */
  private static final int DATAGRAMS = 8;

  /** Of them, those of one tunnel. */
  private static final int PER_TUNNEL = 4;

  private final StateTable table;

  Fragments() {
    this(
        StateTable.open(
            "oxbow-bumblebee-fragments",
            new Layout(MAGIC, VERSION, VERSION, Reassembler.bytes(DATAGRAMS), TunnelPlane.GROUPS)));
  }

  private Fragments(StateTable table) {
    this.table = table;
  }

  /**
   * Takes over the memory of another process.
   *
   * @param memfd owned by this object from here on, and closed when this throws
   * @throws IllegalArgumentException saying what does not fit
   */
  static Fragments adopt(Descriptor memfd) {
    int bytes = Reassembler.bytes(DATAGRAMS);
    return new Fragments(StateTable.adopt(memfd, MAGIC, VERSION, bytes, TunnelPlane.GROUPS));
  }

  Descriptor descriptor() {
    return table.descriptor();
  }

  /** Begins to work on the fragments of a group, or goes on; their owners are ids of tunnels. */
  Reassembler of(int group, Reassembler.Loss loss) {
    return new Reassembler(
        table.memory().view(), table.offset(group), DATAGRAMS, PER_TUNNEL, System::nanoTime, loss);
  }

  /** Where a position in the memory of a reassembler is. */
  long address(int position) {
    return table.memory().address() + position;
  }

  @Override
  public void close() {
    table.close();
  }
}
