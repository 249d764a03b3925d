package dev.oxbow.bumblebee.tunnel;

/**
 * Sizes and limits of a plane.
 *
 * @param tunnels that can live at once, in all; {@link #MAX_TUNNELS} at most
 * @param connectionsPerGroup that can be in the table at once, closing ones included
 * @param connectionsPerTunnel of them
 * @param handshakesPerTunnel of them, not yet complete
 */
public record PlaneOptions(
    int tunnels, int connectionsPerGroup, int connectionsPerTunnel, int handshakesPerTunnel) {

  /** The packets that are held for tunnels are in one mapping of 2 GiB at most. */
  public static final int MAX_TUNNELS = 16_384;

  /** Enough for a large gateway; memory is taken as it is used. */
  public static final PlaneOptions DEFAULT = new PlaneOptions(4096, 65_536, 60_000, 1024);

  int perGroup() {
    return (Math.min(MAX_TUNNELS, tunnels) + TunnelPlane.GROUPS - 1) / TunnelPlane.GROUPS;
  }
}
