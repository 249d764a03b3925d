package dev.oxbow.fish.session;

import dev.oxbow.fish.session.SessionSpec.Owner;
import java.util.ArrayList;
import java.util.List;

/**
 * Sessions whose flow went with the process that had it: their connections wait for whoever opens
 * them again, for a while. Loop thread only.
 */
final class LostSessions {
  private final SessionLedger ledger;
  private final long graceNanos;
  private final List<SessionRecord> lost = new ArrayList<>();

  LostSessions(SessionLedger ledger, long graceNanos) {
    this.ledger = ledger;
    this.graceNanos = graceNanos;
  }

  /** Goes on from what the ledger says: another process may have worked on it. */
  void rebuild() {
    lost.clear();
    for (SessionRecord record : ledger.records()) {
      if (record.id() != 0 && record.isLost()) {
        lost.add(record);
      }
    }
  }

  int size() {
    return lost.size();
  }

  /** Takes out all that a name stands for: one, or more after a crash at the wrong moment. */
  List<SessionRecord> claim(Owner owner) {
    return take(
        owner.name() == null
            ? List.of()
            : lost.stream().filter(r -> r.owner().equals(owner)).toList());
  }

  /** Takes out those that nobody has opened again in time. */
  List<SessionRecord> unclaimed(long nowNanos) {
    return lost.isEmpty()
        ? List.of()
        : take(lost.stream().filter(r -> nowNanos - r.lostNanos() >= graceNanos).toList());
  }

  private List<SessionRecord> take(List<SessionRecord> taken) {
    lost.removeAll(taken);
    return taken;
  }
}
