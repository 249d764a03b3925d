package dev.oxbow.fish.session;

import dev.oxbow.fish.session.SessionSpec.Owner;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Sessions whose flow went with the process that had it: their connections wait for whoever opens
 * them again, for a while. Loop thread only.
 */
final class LostSessions {
  private static final int PER_TURN = 256;

  private final SessionLedger ledger;
  private final long graceNanos;
  private final Map<Owner, List<SessionRecord>> lost = new LinkedHashMap<>();
  private int size;

  LostSessions(SessionLedger ledger, long graceNanos) {
    this.ledger = ledger;
    this.graceNanos = graceNanos;
  }

  /** Goes on from what the ledger says: another process may have worked on it. */
  void rebuild() {
    lost.clear();
    size = 0;
    for (SessionRecord record : ledger.records()) {
      if (record.id() != 0 && record.isLost()) {
        lost.computeIfAbsent(record.owner(), owner -> new ArrayList<>()).add(record);
        size++;
      }
    }
  }

  int size() {
    return size;
  }

  /** Takes out all that a name stands for: one, or more after a crash at the wrong moment. */
  List<SessionRecord> claim(Owner owner) {
    List<SessionRecord> taken = owner.name() == null ? null : lost.remove(owner);
    if (taken == null) {
      return List.of();
    }
    size -= taken.size();
    return taken;
  }

  /** Takes out some of those that nobody has opened again in time. */
  List<SessionRecord> unclaimed(long nowNanos) {
    List<SessionRecord> taken = new ArrayList<>();
    Iterator<List<SessionRecord>> all = lost.values().iterator();
    while (all.hasNext() && taken.size() < PER_TURN) {
      List<SessionRecord> each = all.next();
      if (each.stream().allMatch(r -> nowNanos - r.lostNanos() >= graceNanos)) {
        all.remove();
        taken.addAll(each);
      }
    }
    size -= taken.size();
    return taken;
  }
}
