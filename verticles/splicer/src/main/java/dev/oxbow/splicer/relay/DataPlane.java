package dev.oxbow.splicer.relay;

import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/**
 * Whatever moves bytes between the sockets of a relay. Called on the control loop only, which is
 * also where outcomes are told.
 */
public interface DataPlane {

  /** Groups, whatever the number of event loops, so that they can change hands one by one. */
  int GROUPS = 64;

  /** What a relay tells while it lives, on the control loop. */
  @FunctionalInterface
  interface Observer {

    /** All of the prelude to a side was written, and its pipe serves others now. */
    default void preludeWritten(Side to) {}

    /** The relay is over; told once, as the last. */
    void finished(RelayOutcome outcome);
  }

  /**
   * Starts a relay.
   *
   * @param spec its sockets stay the caller's and stay open until the outcome
   * @return null when no record is left for it; nothing was touched then
   */
  @Nullable LiveRelay attach(RelaySpec spec, Observer observer);

  /** Stops touching a group's descriptors; completes when that is so. */
  Future<Void> freeze(int group);

  /** Goes on with a frozen group. */
  Future<Void> thaw(int group);

  /** What has been done since the start. */
  Counters counters();

  /** Ends the plane; all relays must have finished. */
  void close();

  /**
   * Sums over all loops, a moment old.
   *
   * @param pipes open now
   * @param idlePipes of them, held for the next direction
   * @param stalls sockets that were shut down because they held a loop
   */
  record Counters(long pipes, long idlePipes, long stalls) {}
}
