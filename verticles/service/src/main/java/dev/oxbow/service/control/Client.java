package dev.oxbow.service.control;

import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.quota.Account;

/** Who a request comes from. Control loop only. */
public interface Client {

  /** The account of the peer's uid. */
  Account account();

  /** Where events of what this client starts go. */
  Mailbox mailbox();

  /** Whether something that reports to a mailbox is this client's to see and to end. */
  boolean owns(Mailbox mailbox);
}
