package dev.oxbow.config;

import io.vertx.core.json.JsonObject;

/**
 * Options of Bumblebee, the service that makes TCP sockets of IP packets. Every setter throws
 * {@link IllegalArgumentException} when the value is out of its bounds. Not thread-safe: fill it,
 * then deploy with it.
 */
public final class BumblebeeOptions {

  /** Tunnels that there can be room for at most. */
  public static final int MOST_TUNNELS = 16_384;

  /** Connections that there can be room for in a group: their table is one mapping of 2 GiB. */
  public static final int MOST_GROUP_CONNECTIONS = 349_524;

  /** One event loop per processor. */
  public static final int DEFAULT_LOOPS = 0;

  /** Tunnels that there is room for. */
  public static final int DEFAULT_MAX_TUNNELS = 4096;

  /** Connections that there is room for in each of the 64 groups of tunnels. */
  public static final int DEFAULT_GROUP_CONNECTIONS = 65_536;

  /** Handshakes that may be under way in one tunnel. */
  public static final int DEFAULT_HANDSHAKES = 1024;

  private int loops = DEFAULT_LOOPS;
  private int maxTunnels = DEFAULT_MAX_TUNNELS;
  private int groupConnections = DEFAULT_GROUP_CONNECTIONS;
  private int handshakes = DEFAULT_HANDSHAKES;

  /** All defaults. */
  public BumblebeeOptions() {}

  /** A copy that shares nothing with the original. */
  public BumblebeeOptions(BumblebeeOptions other) {
    this.loops = other.loops;
    this.maxTunnels = other.maxTunnels;
    this.groupConnections = other.groupConnections;
    this.handshakes = other.handshakes;
  }

  /** From the keys of the section {@code bumblebee}; what is not there keeps its default. */
  public BumblebeeOptions(JsonObject json) {
    setLoops(Bounds.integer(json, "loops", DEFAULT_LOOPS));
    setMaxTunnels(Bounds.integer(json, "maxTunnels", DEFAULT_MAX_TUNNELS));
    setGroupConnections(Bounds.integer(json, "groupConnections", DEFAULT_GROUP_CONNECTIONS));
    setHandshakes(Bounds.integer(json, "handshakes", DEFAULT_HANDSHAKES));
  }

  /** Event loops that carry packets; 0 = one per processor. */
  public int getLoops() {
    return loops;
  }

  /** Event loops that carry packets, 0 (one per processor) to 1024. */
  public BumblebeeOptions setLoops(int loops) {
    this.loops = Bounds.check("loops", loops, 0, 1024);
    return this;
  }

  /** Tunnels that there is room for, of all callers together. */
  public int getMaxTunnels() {
    return maxTunnels;
  }

  /** Tunnels that there is room for, 64 to 16384, rounded up to a multiple of 64. */
  public BumblebeeOptions setMaxTunnels(int maxTunnels) {
    this.maxTunnels = Bounds.check("maxTunnels", maxTunnels, 64, MOST_TUNNELS);
    return this;
  }

  /** Connections that there is room for in each of the 64 groups of tunnels. */
  public int getGroupConnections() {
    return groupConnections;
  }

  /**
   * Connections that there is room for in each of the 64 groups of tunnels, 256 to 349524; also
   * what one tunnel can have at most.
   */
  public BumblebeeOptions setGroupConnections(int groupConnections) {
    this.groupConnections =
        Bounds.check("groupConnections", groupConnections, 256, MOST_GROUP_CONNECTIONS);
    return this;
  }

  /** Handshakes that may be under way in one tunnel. */
  public int getHandshakes() {
    return handshakes;
  }

  /** Handshakes that may be under way in one tunnel, 16 to 65536. */
  public BumblebeeOptions setHandshakes(int handshakes) {
    this.handshakes = Bounds.check("handshakes", handshakes, 16, 1 << 16);
    return this;
  }

  /** The section {@code bumblebee} with every key. */
  public JsonObject toJson() {
    return new JsonObject()
        .put("loops", loops)
        .put("maxTunnels", maxTunnels)
        .put("groupConnections", groupConnections)
        .put("handshakes", handshakes);
  }

  @Override
  public String toString() {
    return toJson().encode();
  }
}
