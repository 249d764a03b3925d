package dev.oxbow.it.pair;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.session.EgressStage;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two nodes that share two addresses, an internet that sees which of them used which five-tuple,
 * and a link between the two that is cut while both want all ports.
 *
 * <pre>
 *   clients -- edge-1 203.0.113.7, .8 -- 198.51.100.1 \
 *                | 10.9.0.1                            server 198.51.100.9
 *                | 10.9.0.2                            /
 *   clients -- edge-2 203.0.113.7, .8 -- 198.51.101.1
 * </pre>
 */
@DescriptorLeaks
@RequiresRoot
@Timeout(120)
class PairPartitionTest {
  private static final String BUSY = "203.0.113.7";
  private static final String OTHER = "203.0.113.8";

  /** Eight blocks of each node's own, and two of the other address. */
  private static final String BUSY_PORTS = "19968-20991";

  private static final String OTHER_PORTS = "20480-20735";
  private static final int OWN = 512;

  /** Ports that the other lends at most. */
  private static final int LENT = 384;

  private static final int OTHER_OWN = 128;
  private static final int SERVER = 0xc633_6409;
  private static final int PORT = 9_999;
  private static final int LOAN_MS = 3_000;
  private static final int QUARANTINE_MS = 1_000;
  private static final long ROUND_NANOS = 100_000_000;
  private static final long PATIENCE_NANOS = 30_000_000_000L;

  @TempDir Path folder;

  private static String sections(int node) {
    return "fish:\n  egress: [{address: "
        + BUSY
        + ", ports: "
        + BUSY_PORTS
        + "}, {address: "
        + OTHER
        + ", ports: "
        + OTHER_PORTS
        + "}]\n  maxFlows: 16384\n  pair: {name: edge-"
        + node
        + ", home: "
        + (node == 1 ? "first" : "second")
        + ", secret: only for this test, listen: '10.9.0."
        + node
        + ":5701', peers: ['10.9.0."
        + (3 - node)
        + ":5701'], loanMs: "
        + LOAN_MS
        + ", quarantineMs: "
        + QUARANTINE_MS
        + "}\n";
  }

  private static void wire(Edge one, Edge other, Namespace internet) {
    EgressStage.in(
        one.namespace,
        "ip link add sync0 type veth peer name sync0 netns " + Edge.file(other.namespace),
        "ip address add 10.9.0.1/24 dev sync0",
        "ip link add out0 type veth peer name in1 netns " + Edge.file(internet),
        "ip address add 198.51.100.1/24 dev out0",
        "ip link set sync0 up",
        "ip link set out0 up",
        "ip link set lo up");
    EgressStage.in(
        other.namespace,
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
    EgressStage.in(other.namespace, "ip route add 198.51.100.9 via 198.51.101.9");
  }

  private static void cut(Edge edge) {
    EgressStage.in(
        edge.namespace,
        "nft 'table inet cut { chain in { type filter hook input priority -200; iifname sync0 drop;"
            + " }; chain out { type filter hook output priority -200; oifname sync0 drop; }; }'");
  }

  private static void heal(Edge edge) {
    EgressStage.in(edge.namespace, "nft delete table inet cut");
  }

  /** Does something again and again until a condition holds. */
  private static void until(String what, Runnable round, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError("never came true: " + what);
      }
      round.run();
      LockSupport.parkNanos(ROUND_NANOS);
    }
  }

  @Test
  void noFiveTupleIsUsedByBothWhileTheLinkIsCutAndLoansGoOnWhenItIsBack() throws Exception {
    try (Edge one = new Edge("edge-1");
        Edge two = new Edge("edge-2");
        Namespace internet = Namespace.open()) {
      wire(one, two, internet);
      one.start(folder, sections(1));
      two.start(folder, sections(2));
      one.awaitServing();
      two.awaitServing();
      try (Sightings server = new Sightings(internet, "198.51.100.9", PORT)) {
        play(one, two, server);
      } catch (AssertionError e) {
        throw new AssertionError(
            e.getMessage()
                + "\n"
                + one.pair()
                + "\n"
                + two.pair()
                + "\n"
                + one.process().log()
                + "\n"
                + two.process().log(),
            e);
      }
    }
  }

  private static void play(Edge one, Edge two, Sightings server) {
    Runnable waiting = () -> {};
    until(
        "both have found one another",
        waiting,
        () -> one.pair().getBoolean("connected") && two.pair().getBoolean("connected"));
    until(
        "what was lent before is known",
        waiting,
        () -> one.blocks("unknown") == 0 && two.blocks("unknown") == 0);
    Descriptor busy = one.session(BUSY, BUSY_PORTS);
    Descriptor slow = two.session(BUSY, BUSY_PORTS);
    until(
        "who is short is lent more, but not the last quarter",
        () -> one.send(busy, 2 * OWN, SERVER, PORT),
        () -> server.ports("edge-1", BUSY) == OWN + LENT);
    assertThat(one.blocks("borrowed")).isEqualTo(LENT / 64);
    assertThat(two.blocks("lent")).isEqualTo(LENT / 64);

    cut(one);
    until(
        "the home has taken all back, and uses it",
        () -> {
          one.send(busy, 2 * OWN, SERVER, PORT);
          two.send(slow, 2 * OWN, SERVER, PORT);
        },
        () -> server.ports("edge-2", BUSY) == OWN);
    assertThat(server.inCommon(TimeUnit.MILLISECONDS.toNanos(QUARANTINE_MS))).isEmpty();
    assertThat(server.ports("edge-1", BUSY)).isEqualTo(OWN + LENT);
    assertThat(server.inTurn()).isEqualTo(LENT);
    assertThat(one.blocks("borrowed")).isZero();
    assertThat(one.pair().getBoolean("connected")).isFalse();

    heal(one);
    Descriptor another = one.session(OTHER, OTHER_PORTS);
    until(
        "loans go on",
        () -> one.send(another, OTHER_OWN + 10, SERVER, PORT),
        () -> server.ports("edge-1", OTHER) == OTHER_OWN + 10);
    assertThat(one.pair().getBoolean("connected")).isTrue();
    assertThat(one.pair().getString("partner")).isEqualTo("edge-2");
    assertThat(two.pair().getString("partner")).isEqualTo("edge-1");
    assertThat(server.inCommon(TimeUnit.MILLISECONDS.toNanos(QUARANTINE_MS))).isEmpty();
  }
}
