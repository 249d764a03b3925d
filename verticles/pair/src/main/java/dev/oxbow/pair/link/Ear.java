package dev.oxbow.pair.link;

import dev.oxbow.fish.partner.PartnerLink.Listener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A listener, and what it was told last. Thread of the link only. */
final class Ear {
  private static final Logger log = LoggerFactory.getLogger(Ear.class);

  private final Listener listener;
  private boolean up;

  /** Whether the partner has been there since it was told to be gone. */
  private boolean met;

  Ear(Listener listener) {
    this.listener = listener;
  }

  /** Whether the link is up; told when that is new. */
  void tell(boolean now) {
    if (now != up) {
      up = now;
      met |= now;
      guarded(now ? listener::up : listener::down);
    }
  }

  /** The partner is gone; told when one was there. */
  void gone() {
    if (met) {
      met = false;
      guarded(listener::gone);
    }
  }

  void received(byte[] bytes) {
    if (up) {
      guarded(() -> listener.received(bytes));
    }
  }

  /** Whatever becomes of a message, the link goes on. */
  private static void guarded(Runnable call) {
    try {
      call.run();
    } catch (RuntimeException e) {
      log.error("a message of the partner's could not be handled", e);
    }
  }
}
