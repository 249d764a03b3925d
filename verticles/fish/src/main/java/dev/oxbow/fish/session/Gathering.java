package dev.oxbow.fish.session;

import dev.oxbow.codecs.fragments.Reassembler;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.service.flow.Fragments;
import org.jspecify.annotations.Nullable;

/** Puts datagrams of one direction together that come in fragments. Loop thread only. */
final class Gathering {
  private final Fragments fragments;
  private final int room;
  private final Loss loss;
  private @Nullable Reassembler reassembler;
  private int identification;
  private long address;

  /** Hears of fragments that waited in vain. */
  interface Loss {

    /** Such a number of a session's. */
    void lost(long session, int fragments);
  }

  Gathering(Fragments fragments, int room, Loss loss) {
    this.fragments = fragments;
    this.room = room;
    this.loss = loss;
  }

  /** Goes on from what the memory says: another process may have worked on it. */
  void thaw() {
    reassembler = fragments.of(room, (session, count, why) -> loss.lost(session, count));
  }

  /**
   * Takes a fragment.
   *
   * @param packet becomes the whole datagram when this was its last fragment
   * @return whether it is whole
   */
  boolean add(Session session, PacketView packet) {
    Reassembler own = reassembler();
    identification = packet.identification();
    if (own.add(session.id(), packet) != null) {
      session.drop(DropReason.FRAGMENT);
      return false;
    }
    if (!own.isComplete()) {
      return false;
    }
    int at = own.position();
    if (packet.parse(own.memory(), at, own.length()) != null) {
      session.drop(DropReason.FRAGMENT);
      return false;
    }
    address = fragments.address(at);
    return true;
  }

  /** What the fragments of the last datagram had in common. */
  int identification() {
    return identification;
  }

  /** Where the last datagram begins. */
  long address() {
    return address;
  }

  /** A session is over, and so are its fragments that wait for others. */
  void forget(Session session) {
    session.drop(DropReason.FRAGMENT, reassembler().forget(session.id()));
  }

  /** Gives up what has waited too long. */
  void expire() {
    reassembler().expire();
  }

  private Reassembler reassembler() {
    Reassembler own = reassembler;
    if (own == null) {
      throw new IllegalStateException("frozen");
    }
    return own;
  }
}
