package dev.oxbow.service.quota;

import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** The accounts of a service, by uid. Control loop only. */
public final class Accounts {
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

  /** Ends the accounts' threads once they have closed what waits. */
  public void close() {
    accounts.values().forEach(Account::shutDown);
  }
}
