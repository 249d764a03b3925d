package dev.oxbow.service.work;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.service.mailbox.Mailbox;

/** A piece of work that a service does for somebody: a relay, a tunnel. */
public interface LiveWork {

  /** Its id, as callers know it. */
  String name();

  /** Where it is reported to, which says whose it is. */
  Mailbox mailbox();

  /** As given. */
  RawJson metadata();
}
