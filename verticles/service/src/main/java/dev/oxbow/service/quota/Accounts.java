package dev.oxbow.service.quota;

import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.libc.Syscalls;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The accounts of a service, by uid. Control loop only. */
public final class Accounts {
  private static final Logger log = LoggerFactory.getLogger(Accounts.class);
  private static final long CLOSE_NANOS = 1_000_000_000;

  private final QuotaOptions quotas;
  private final DescriptorLoop loop;
  private final Reserve reserve = new Reserve();
  private final Flights flights = new Flights(Syscalls.descriptorLimit());
  private final Map<Long, Account> accounts = new HashMap<>();

  public Accounts(QuotaOptions quotas, DescriptorLoop loop) {
    this.quotas = quotas;
    this.loop = loop;
  }

  /** Descriptor numbers that nobody may use up. */
  public Reserve reserve() {
    return reserve;
  }

  /** The account of a uid; there are as many as uids that were ever allowed in. */
  public Account of(long uid) {
    return accounts.computeIfAbsent(
        uid,
        u -> {
          boolean trusted = u == 0 || u == Syscalls.effectiveUid();
          return new Account(u, trusted, quotas.forUid(u), loop, flights);
        });
  }

  public Collection<Account> all() {
    return accounts.values();
  }

  /**
   * Ends the accounts' threads once they have closed what waits, and completes then, on the loop:
   * the end of the process would close it too, but not with a RST where one is due. A close that
   * hangs is waited for no longer than a second.
   */
  public Future<Void> close() {
    Promise<Void> done = Promise.promise();
    Timer impatience = loop.schedule(done::tryComplete, CLOSE_NANOS);
    Future.join(accounts.values().stream().map(Account::shutDown).toList())
        .onComplete(
            all -> {
              if (!loop.tryExecute(done::tryComplete)) {
                log.debug("closed all after the loop had ended");
              }
            });
    return done.future().onComplete(v -> impatience.cancel());
  }
}
