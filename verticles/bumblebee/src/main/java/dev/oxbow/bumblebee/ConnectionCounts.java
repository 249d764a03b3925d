package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.TunnelService.Live;
import dev.oxbow.service.quota.Account;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/**
 * How many connections each account has in its tunnels: counted anew from time to time, because the
 * data plane does not tell when one ends, and upwards in between. Control loop only.
 */
final class ConnectionCounts {
  private static final long STALE_NANOS = 10_000_000;

  private final Map<Account, Long> counts = new HashMap<>();
  private long countedNanos = System.nanoTime() - STALE_NANOS;

  /**
   * Whether the one that has just been accepted is within the quota.
   *
   * @param tunnels all that live, in whose tables it is already
   */
  boolean admits(Account account, Collection<Live> tunnels) {
    if (System.nanoTime() - countedNanos >= STALE_NANOS) {
      counts.clear();
      for (Live tunnel : tunnels) {
        counts.merge(tunnel.account(), (long) tunnel.tunnel().connections(), Long::sum);
      }
      countedNanos = System.nanoTime();
    } else {
      counts.merge(account, 1L, Long::sum);
    }
    return counts.getOrDefault(account, 0L) <= account.limits().getTunnelConnections();
  }
}
