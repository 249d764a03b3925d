package dev.oxbow.app.demo;

import dev.oxbow.app.demo.Network.Place;
import java.nio.file.Path;
import java.util.List;

/**
 * Two nodes with the same addresses, and a client that reaches the internet by either:
 *
 * <pre>
 *             / inside_a -- tun0 -- gateway, Fish: edge_a \
 *   clients --                                | 10.9.0.0/24 -- origin 203.0.113.2
 *   10.7.0.2  \ inside_b -- tun0 -- gateway, Fish: edge_b /
 * </pre>
 *
 * <p>Which node the packets of the client go to, and which those to the shared address, says one
 * route each.
 */
final class PairNetwork {
  /** What both nodes send from. */
  static final String SHARED = "192.0.2.7";

  private static final String CLIENT = "10.7.0.2";

  /** Of each node: where its side toward the client, the client, its edge and the origin are. */
  private static final List<List<String>> ADDRESSES =
      List.of(
          List.of("10.7.1.1", "10.7.1.2", "198.51.100.1", "198.51.100.2"),
          List.of("10.7.2.1", "10.7.2.2", "198.51.101.1", "198.51.101.2"));

  private static final List<Place> INSIDE = List.of(Place.INSIDE_A, Place.INSIDE_B);
  private static final List<Place> EDGES = List.of(Place.EDGE_A, Place.EDGE_B);

  private final Network network;

  private PairNetwork(Network network) {
    this.network = network;
  }

  /**
   * Makes it.
   *
   * @throws MissingException when this process may not
   */
  static PairNetwork open(Path ip, Cleanup cleanup) throws InterruptedException {
    List<Place> places =
        List.of(
            Place.CLIENTS,
            Place.INSIDE_A,
            Place.INSIDE_B,
            Place.EDGE_A,
            Place.EDGE_B,
            Place.ORIGIN);
    Network network = Network.open(ip, places, cleanup);
    // Answers come by the one link when questions have left by the other already.
    network.set(Place.CLIENTS, "ipv4/conf/all/rp_filter", 0);
    network.set(Place.CLIENTS, "ipv4/conf/default/rp_filter", 0);
    network.set(Place.ORIGIN, "ipv4/conf/all/rp_filter", 0);
    network.set(Place.ORIGIN, "ipv4/conf/default/rp_filter", 0);
    network.in(Place.CLIENTS, "address", "add", CLIENT + "/32", "dev", "lo");
    network.in(Place.ORIGIN, "address", "add", Network.ORIGIN_ADDRESS + "/32", "dev", "lo");
    for (int node = 0; node < EDGES.size(); node++) {
      List<String> addresses = ADDRESSES.get(node);
      network.connect(Place.CLIENTS, addresses.get(1), INSIDE.get(node), addresses.get(0));
      network.set(INSIDE.get(node), "ipv4/ip_forward", 1);
      network.in(INSIDE.get(node), "route", "add", CLIENT, "via", addresses.get(1));
      network.connect(EDGES.get(node), addresses.get(2), Place.ORIGIN, addresses.get(3));
      network.in(EDGES.get(node), "route", "add", Network.ORIGIN_ADDRESS, "via", addresses.get(3));
    }
    network.connect(Place.EDGE_A, PairNode.LINKS.get(0), Place.EDGE_B, PairNode.LINKS.get(1));
    PairNetwork pair = new PairNetwork(network);
    pair.leadTo(0);
    return pair;
  }

  Network network() {
    return network;
  }

  /** Where Fish is, and the way to the internet. */
  static Place edge(int node) {
    return EDGES.get(node);
  }

  /** Where the tun is. */
  static Place inside(int node) {
    return INSIDE.get(node);
  }

  /** What comes to a node from the client goes into its tun. */
  void routeIntoTun(int node) throws InterruptedException {
    network.in(INSIDE.get(node), "route", "replace", "default", "dev", PairNode.TUN);
  }

  /** Packets of the client, and those to the shared address, go to a node from here on. */
  void leadTo(int node) throws InterruptedException {
    List<String> addresses = ADDRESSES.get(node);
    network.in(Place.ORIGIN, "route", "replace", SHARED, "via", addresses.get(2));
    network.in(
        Place.CLIENTS, "route", "replace", "default", "via", addresses.get(0), "src", CLIENT);
  }
}
