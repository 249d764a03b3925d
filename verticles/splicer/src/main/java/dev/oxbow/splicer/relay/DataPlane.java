package dev.oxbow.splicer.relay;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePlane;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/**
 * Whatever moves bytes between the sockets of a relay. Called on the control loop only, which is
 * also where outcomes are told.
 */
public interface DataPlane extends ServicePlane {

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

  /**
   * Another process will have the same descriptors from here on, until {@link #unshare()}: relays
   * that end wait, no pipe is made or closed, and bytes move so that a kill loses none. Lends its
   * ledger and its pipes; completes when all relays that ended before have been told.
   */
  @Override
  Future<Void> share(Cargo cargo);

  /**
   * Takes over a relay that another process began, in a plane that was made from its cargo. It
   * stands still until its group thaws.
   *
   * @param slot the place of its record
   * @param sockets stay the caller's and stay open until the outcome
   * @throws IllegalArgumentException when there is no such relay in the ledger
   */
  LiveRelay adopt(int slot, RelayRecord.Sockets sockets, Observer observer);

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
