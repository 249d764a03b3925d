package dev.oxbow.service.testing;

import dev.oxbow.handoff.cargo.Cargo;

/** What goes wrong in a practice that asks it at each step. One thread, but for the cargo. */
public interface PracticeFault {

  /** Data is about to go through all of the work. */
  default void exchanging() {}

  /** What an heir is to get. */
  default Cargo given(Cargo cargo) {
    return cargo;
  }
}
