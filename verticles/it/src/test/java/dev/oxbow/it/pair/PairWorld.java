package dev.oxbow.it.pair;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fish.session.EgressStage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * Two nodes that share two addresses, each a process in a namespace of its own, the internet, and a
 * client whose packets are a flow that is given to either.
 *
 * <pre>
 *                   edge-1 203.0.113.7, .8 -- 198.51.100.1 \
 *                     | 10.9.0.1                            server 198.51.100.9
 *                     | 10.9.0.2                            /
 *   client -- tun   edge-2 203.0.113.7, .8 -- 198.51.101.1
 * </pre>
 */
final class PairWorld implements AutoCloseable {
  static final String SERVER = "198.51.100.9";
  static final String BUSY = "203.0.113.7";
  static final String OTHER = "203.0.113.8";

  /** Eight blocks of each node's own, and two of the other address. */
  static final String BUSY_PORTS = "19968-20991";

  static final String OTHER_PORTS = "20480-20735";
  private static final long ROUND_NANOS = 100_000_000;
  private static final long PATIENCE_NANOS = 40_000_000_000L;

  final Edge one = new Edge("edge-1");
  final Edge two = new Edge("edge-2");
  final Namespace internet = Namespace.open();
  final Namespace client = Namespace.open();
  final Tun tun = EgressStage.clientTun(client, 1500);
  private final Path folder;

  PairWorld(Path folder) {
    this.folder = folder;
    EgressStage.in(
        one.namespace,
        "ip link add sync0 type veth peer name sync0 netns " + Edge.file(two.namespace),
        "ip address add 10.9.0.1/24 dev sync0",
        "ip link add out0 type veth peer name in1 netns " + Edge.file(internet),
        "ip address add 198.51.100.1/24 dev out0",
        "ip link set sync0 up",
        "ip link set out0 up",
        "ip link set lo up");
    EgressStage.in(
        two.namespace,
        "ip address add 10.9.0.2/24 dev sync0",
        "ip link add out0 type veth peer name in2 netns " + Edge.file(internet),
        "ip address add 198.51.101.1/24 dev out0",
        "ip link set sync0 up",
        "ip link set out0 up",
        "ip link set lo up");
    EgressStage.in(
        internet,
        "ip address add 198.51.100.9/24 dev in1",
        "ip address add 198.51.101.9/24 dev in2",
        "echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter",
        "echo 0 > /proc/sys/net/ipv4/conf/in1/rp_filter",
        "echo 0 > /proc/sys/net/ipv4/conf/in2/rp_filter",
        "ip link set in1 up",
        "ip link set in2 up",
        "ip link set lo up");
    EgressStage.in(two.namespace, "ip route add 198.51.100.9 via 198.51.101.9");
    route(one);
  }

  /**
   * Configuration of a node.
   *
   * @param more keys of the section of the pair, after a comma
   */
  static String sections(int node, String more) {
    return sections(node, node == 1 ? "first" : "second", "only for this test", BUSY_PORTS, more);
  }

  static String sections(int node, String home, String secret, String ports, String more) {
    return """
        fish:
          egress: [{address: %s, ports: %s}, {address: %s, ports: %s}]
          maxFlows: 16384
          pair: {name: edge-%d, home: %s, secret: %s, listen: '10.9.0.%d:5701',
            peers: ['10.9.0.%d:5701']%s}
        """
        .formatted(BUSY, ports, OTHER, OTHER_PORTS, node, home, secret, node, 3 - node, more);
  }

  /** Starts both, and waits until they know one another. */
  PairWorld start(String more) throws IOException {
    one.start(folder, sections(1, more));
    two.start(folder, sections(2, more));
    one.awaitServing();
    two.awaitServing();
    awaitPresent(one, two);
    return this;
  }

  /** Waits until nodes have told one another everything. */
  void awaitPresent(Edge... nodes) {
    until(
        "each knows what the other has",
        () -> {},
        () -> Stream.of(nodes).allMatch(node -> node.partner().equals("present")));
  }

  /** Starts a node again, whose process has ended. */
  void startAgain(Edge node, String more) throws IOException {
    node.start(folder, sections(node == one ? 1 : 2, more));
    node.awaitServing();
  }

  /** The internet brings packets to the shared addresses to a node from here on. */
  void route(Edge node) {
    String via = node == one ? "198.51.100.1" : "198.51.101.1";
    EgressStage.in(internet, "ip route replace 203.0.113.0/24 via " + via);
  }

  /** No message gets through between the two nodes. */
  void cut() {
    EgressStage.in(
        one.namespace,
        "nft 'table inet cut { chain in { type filter hook input priority -200; iifname sync0 drop;"
            + " }; chain out { type filter hook output priority -200; oifname sync0 drop; }; }'");
  }

  /** Ends that. */
  void heal() {
    EgressStage.in(one.namespace, "nft delete table inet cut");
  }

  /** Does something again and again until a condition holds. */
  void until(String what, Runnable round, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError("never came true: " + what + "\n" + this);
      }
      round.run();
      LockSupport.parkNanos(ROUND_NANOS);
    }
  }

  /** No node was refused by the other, and none has said that a message could not be handled. */
  void assertNoTrouble() {
    for (Edge node : List.of(one, two)) {
      assertThat(node.process().log())
          .doesNotContain("no pair:", "could not be handled", "is left out until");
    }
  }

  @Override
  public String toString() {
    return one + "\n" + two;
  }

  @Override
  public void close() {
    one.close();
    two.close();
    tun.close();
    client.close();
    internet.close();
  }
}
