package dev.oxbow.fdpassing.eventloop;

/** A task that waits for its time on an event loop. */
@FunctionalInterface
public interface Timer {

  /** Gives it up, unless it has run. Any thread. */
  void cancel();
}
