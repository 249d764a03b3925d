package dev.oxbow.pair.loan;

import java.util.function.Consumer;

/** The way to the partner, on which a message may be lost at any time. */
public interface Outlet extends Consumer<LoanMessage> {

  /** Whether it is known that a message gets nowhere now. */
  default boolean isDown() {
    return false;
  }
}
