package dev.oxbow.fish.session;

import dev.oxbow.config.QuotaOptions;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongFunction;

/**
 * What the connections of each uid may be, all of its sessions together. Loop thread only; there
 * are as many as uids that ever had a session.
 */
final class Allowances {
  private final LongFunction<QuotaOptions> quotas;
  private final Map<Long, Allowance> uids = new HashMap<>();

  /**
   * @param quotas by uid
   */
  Allowances(LongFunction<QuotaOptions> quotas) {
    this.quotas = quotas;
  }

  /** That of a uid. */
  Allowance of(long uid) {
    return uids.computeIfAbsent(
        uid,
        u -> {
          QuotaOptions own = quotas.apply(u);
          return new Allowance(own.getFlows(), own.getFlowsPerSecond());
        });
  }

  /** A new one for a session of a uid. */
  Allowance ofSession(long uid) {
    QuotaOptions own = quotas.apply(uid);
    return new Allowance(own.getSessionFlows(), own.getSessionFlowsPerSecond());
  }

  /** Nobody has connections: they are counted anew. */
  void clear() {
    uids.values().forEach(Allowance::clear);
  }
}
