package dev.oxbow.fish.session;

import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.fish.conntrack.ConntrackEvents;
import java.util.concurrent.TimeUnit;

/**
 * Hears which entries are gone. When some were missed, every connection is made sure of when it is
 * used next: the kernel is asked about those only that matter, and nothing waits for a dump. Loop
 * thread only.
 */
final class Departures implements ConntrackEvents.Listener {

  /**
   * Events of the whole namespace come here; whoever makes them faster than they are read does not
   * have all connections made sure of all the time.
   */
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Mappings mappings;
  private boolean standing = true;
  private boolean missed;
  private long doubtedNanos;
  private long overruns;

  Departures(Mappings mappings) {
    this.mappings = mappings;
  }

  /** How often the kernel has dropped events. */
  long overruns() {
    return overruns;
  }

  @Override
  public void destroyed(ConntrackTuple original) {
    missed |= standing;
    if (!standing) {
      mappings.destroyed(original);
    }
  }

  @Override
  public void resyncNeeded() {
    overruns++;
    missed = true;
  }

  /** Others work on the tables, maybe. */
  void freeze() {
    standing = true;
  }

  void thaw(long nowNanos) {
    standing = false;
    doubtedNanos = nowNanos - AGAIN_NANOS;
    step(nowNanos);
  }

  /** Makes up for what was missed, once a second at most. */
  void step(long nowNanos) {
    if (missed && nowNanos - doubtedNanos >= AGAIN_NANOS) {
      missed = false;
      doubtedNanos = nowNanos;
      mappings.doubtAll();
    }
  }
}
