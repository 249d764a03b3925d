package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.verticle.ServicePlane;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/**
 * Whatever moves packets between flows and the kernel's TCP. Called on the control loop only, which
 * is also where connections and ends are told.
 */
public interface TunnelPlane extends ServicePlane {

  /** What a tunnel tells while it lives, on the control loop. */
  interface Observer {

    /** The kernel has accepted a connection; the callee owns its socket. */
    void connected(AcceptedConnection connection);

    /** The tunnel is over; told once, as the last. */
    void closed(FlowOutcome outcome);
  }

  /**
   * Opens a tunnel. Packets are carried soon after; those that come before wait in the flow.
   *
   * @param spec its flow stays the caller's and stays open until the outcome
   * @return null when no record is left for it; nothing was touched then
   */
  @Nullable LiveTunnel attach(TunnelSpec spec, Observer observer);

  /**
   * Another process will have the same descriptors from here on, until {@link #unshare()}: nothing
   * is accepted (connections whose handshake is done wait in the listener), tunnels that end wait,
   * no device is made or closed. Lends the namespace, the tuns, the listeners and its tables;
   * completes when all that happened before has been told. Flows are the caller's to lend.
   */
  @Override
  Future<Void> share(Cargo cargo);

  /**
   * Takes over a tunnel that another process began, in a plane that was made from its cargo. It
   * stands still until its group thaws.
   *
   * @param slot the place of its record
   * @param flow this process's descriptor of its flow; stays the caller's and stays open until the
   *     outcome
   * @throws IllegalArgumentException when there is no such tunnel in the ledger
   */
  LiveTunnel adopt(int slot, int flow, Observer observer);

  /** About how many descriptors {@link #share} lends now. */
  long descriptorsToShare();

  /** What has been done since the start, and what lives. */
  Counters counters();

  /** Ends the plane; all tunnels must have ended. Completes when its descriptors are closed. */
  Future<Void> close();

  /**
   * Sums over all loops, a moment old.
   *
   * @param tunnels that live
   * @param connections in the table, closing ones included
   * @param devices tuns that are open, idle ones included
   * @param offloads that they have, TUN_F_ of {@link Tun}; 0 before the first
   * @param accepted connections that were told
   * @param packetsIn from flows
   * @param packetsOut to flows
   * @param dropped packets, all reasons together
   * @param kernelDropped packets that a tun's queue had no room for (tx_dropped)
   */
  record Counters(
      long tunnels,
      long connections,
      long devices,
      int offloads,
      long accepted,
      long packetsIn,
      long packetsOut,
      long dropped,
      long kernelDropped) {}
}
