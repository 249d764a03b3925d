package dev.oxbow.service.quota;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Descriptors in flight, in packets that peers have not received yet. The kernel lets an ordinary
 * user have RLIMIT_NOFILE of them and refuses the next (ETOOMANYREFS, unix(7)), whoever receives
 * them, so peers that do not read could take the room of all others. Control loop only.
 *
 * <p>Each uid may have as many as are still free: one that takes all it can leaves half, two leave
 * a third, and there is always something left for the next.
 */
public final class Flights {

  /** Of RLIMIT_NOFILE: the rest is for other services and other processes of the same user. */
  private static final int PART = 4;

  /** Connections that do not read before their uid has used up its room, at least half of them. */
  private static final int CONNECTIONS = 16;

  /** About as many as the events that fit into a socket's buffer bring. */
  private static final int MOST_PER_CONNECTION = 256;

  /** How often all connections are asked again what they have not read. */
  private static final long LOOK_NANOS = 2_000_000;

  private final long room;
  private final Set<Runnable> aloft = new LinkedHashSet<>();
  private long total;
  private long lookedNanos = System.nanoTime() - LOOK_NANOS;

  Flights(long descriptorLimit) {
    this.room = Math.max(8, descriptorLimit / PART);
  }

  int perConnection() {
    return (int) Math.min(MOST_PER_CONNECTION, room / CONNECTIONS);
  }

  /** Whether a uid that has so many in flight may have one more packet. */
  boolean free(long ofUid) {
    return ofUid < room - total;
  }

  void add(long count) {
    total += count;
  }

  /** A connection has descriptors in flight; the task asks what its peer has received. */
  void track(Runnable look) {
    aloft.add(look);
  }

  void untrack(Runnable look) {
    aloft.remove(look);
  }

  /** Asks all, but not again and again. */
  void lookAtAll() {
    long now = System.nanoTime();
    if (now - lookedNanos >= LOOK_NANOS) {
      lookedNanos = now;
      List.copyOf(aloft).forEach(Runnable::run);
    }
  }
}
