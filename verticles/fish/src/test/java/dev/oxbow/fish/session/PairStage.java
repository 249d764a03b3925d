package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.in;

import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.conntrack.ConntrackEvents;
import dev.oxbow.fish.network.EgressNetwork;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.replica.FlowExport;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowOutcome;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Two Fish with the same address and ports, each in a namespace and on a loop of its own, a server
 * behind both, and a client whose packets are the flow of one of them.
 *
 * <pre>
 *                           first  -- veth --\
 *   client 10.0.0.2 -- tun                    server 192.0.2.9, which routes 203.0.113.7
 *                           second -- veth --/
 * </pre>
 */
final class PairStage implements AutoCloseable {
  static final String SERVER = "192.0.2.9";
  static final int MARK = 0x0f15;
  private static final int FIRST_PORT = 20_000;
  private static final int LAST_PORT = 20_999;
  private static final Tables.Sizes SIZES = new Tables.Sizes(20, 100, 4000);

  /** The clocks of both are so far ahead, in nanoseconds. */
  final AtomicLong ahead = new AtomicLong();

  /** Of planes that are made from here on. */
  ReplicaTimes times = times(TimeUnit.MINUTES.toNanos(1));

  final Namespace server = Namespace.open();
  final Namespace client = Namespace.open();
  final Tun tun = EgressStage.clientTun(client, 1500);
  final Node first;
  final Node second;

  PairStage(Path directory) {
    in(server, "ip link set lo up", "ip address add 192.0.2.9/32 dev lo");
    first = new Node(1, directory);
    second = new Node(2, directory);
    route(first);
  }

  /**
   * When what happens.
   *
   * @param joinNanos after which a partner is held for lost that was not there at the beginning
   */
  static ReplicaTimes times(long joinNanos) {
    return new ReplicaTimes(
        TimeUnit.MILLISECONDS.toNanos(200),
        TimeUnit.MILLISECONDS.toNanos(50),
        TimeUnit.MILLISECONDS.toNanos(100),
        joinNanos,
        TimeUnit.SECONDS.toNanos(20));
  }

  /** The network brings packets to the shared address to a node from here on. */
  void route(Node node) {
    in(server, "ip route replace 203.0.113.7 via " + node.near());
  }

  /** Messages get through, both ways. */
  void link() {
    first.linked = second;
    second.linked = first;
    first.link();
    second.link();
  }

  /** No message gets through any more; soon the other one is held for lost. */
  void cut() {
    first.cut();
    second.cut();
  }

  /** One of the two. */
  final class Node implements AutoCloseable {
    final EpollVertx vertx = EpollVertx.open();
    final Namespace namespace = Namespace.open();
    final List<FlowOutcome> outcomes = new CopyOnWriteArrayList<>();
    final PortSlice slice = new PortSlice(0, 0xffff_cb00_7107L, FIRST_PORT, LAST_PORT);
    final EgressNetwork network;
    SessionPlane plane;
    Partnership partnership;
    Tables tables;
    private final int number;
    private final EgressNetwork.Plan plan;
    private volatile @Nullable Node linked;
    private volatile boolean closed;
    private long lastId;

    private Node(int number, Path directory) {
      this.number = number;
      wire();
      plan =
          new EgressNetwork.Plan(
              "fish0",
              MARK,
              Prefix.parse("100.64.0.0/10"),
              Prefix.parse("fd6f:7862:6f77::/64"),
              List.of(slice));
      network = namespace.call(() -> EgressNetwork.open(plan));
      tables = Tables.open(directory.resolve("fish" + number), SIZES);
      plane = plane(tables);
      partnership = vertx.call(() -> plane.replicate(times));
      vertx.run(plane::thaw);
    }

    private String near() {
      return "198.51.100." + 10 * number;
    }

    private void wire() {
      String peer = "/proc/" + ProcessHandle.current().pid() + "/fd/" + server.descriptor().fd();
      String far = "198.51.100." + (10 * number + 1);
      in(
          namespace,
          "ip link add out0 type veth peer name in" + number + " netns " + peer,
          "ip address add " + near() + "/32 peer " + far + " dev out0",
          "ip link set out0 up",
          "ip link set lo up",
          "ip route add 192.0.2.9 via " + far);
      in(
          server,
          "ip address add " + far + "/32 peer " + near() + " dev in" + number,
          "ip link set in" + number + " up");
    }

    private SessionPlane plane(Tables with) {
      Conntrack conntrack = namespace.call(() -> Conntrack.open(MARK));
      NetlinkSocket events = namespace.call(() -> ConntrackEvents.open());
      SessionPlane.Parts parts =
          new SessionPlane.Parts(
              network.tun().descriptor().fd(),
              network.offloads(),
              conntrack,
              events,
              MARK,
              with,
              plan.pool4(),
              plan.pool6(),
              plan.slices(),
              TimeUnit.MINUTES.toNanos(1),
              uid -> new QuotaOptions(),
              () -> System.nanoTime() + ahead.get());
      return vertx.call(() -> new SessionPlane(DescriptorLoop.of(vertx.context()), parts));
    }

    private void link() {
      Way way = new Way(this, Objects.requireNonNull(linked));
      vertx.run(() -> partnership.linked(way));
    }

    private void cut() {
      linked = null;
      if (!closed) {
        vertx.run(partnership::unlinked);
      }
    }

    /** Opens the client's session here, under a name. */
    Session open(String name) {
      SessionSpec spec =
          new SessionSpec(
              ++lastId,
              new SessionSpec.Owner(0, "test", name),
              tun.descriptor().fd(),
              FlowKind.TUN,
              false,
              1500,
              Mapping.PER_DESTINATION,
              List.of(new SessionSpec.Range(slice, FIRST_PORT, LAST_PORT)));
      return vertx.call(() -> Objects.requireNonNull(plane.attach(spec, new Told())));
    }

    ReplicaCounters counters() {
      return vertx.call(partnership::counters);
    }

    /** Another plane goes on, as after an upgrade, with these sessions. */
    void handOver(Session... sessions) {
      Cargo lent = new Cargo();
      vertx.run(
          () -> {
            plane.share();
            plane.lend(lent);
          });
      Cargo copies = new Cargo();
      lent.names().forEach(name -> copies.give(name, lent.get(name).duplicate()));
      Tables adopted = Tables.adopt(copies);
      SessionPlane next = plane(adopted);
      vertx.run(
          () -> {
            Partnership other = next.replicate(times);
            next.share();
            for (Session each : sessions) {
              next.adopt(each.slot(), each.spec.flow(), each.spec.egress(), new Told());
            }
            plane.freeze();
            next.thaw();
            next.unshare();
            plane.close();
            plane = next;
            partnership = other;
            tables = adopted;
          });
    }

    /** Ends at once, as by SIGKILL: the kernel keeps its entries. */
    void die() {
      closed = true;
      vertx.run(plane::close);
    }

    /** Entries of this Fish that the kernel has. */
    String entries() {
      return in(namespace, "conntrack -L -m " + MARK);
    }

    @Override
    public void close() {
      if (!closed) {
        die();
      }
      namespace.call(
          () -> {
            network.restore();
            return true;
          });
      namespace.close();
      vertx.close();
    }

    private final class Told implements SessionPlane.Observer {
      @Override
      public void exhausted(long high, long low, int port) {
        throw new IllegalStateException("exhausted");
      }

      @Override
      public void closed(FlowOutcome outcome) {
        outcomes.add(outcome);
      }
    }
  }

  /** The way from one node to the other. */
  private record Way(Node from, Node to) implements FlowExport.Outlet {
    @Override
    public boolean isReady() {
      return from.linked == to;
    }

    @Override
    public void send(byte[] message) {
      if (from.linked == to) {
        to.vertx.context().runOnContext(v -> take(message));
      }
    }

    private void take(byte[] message) {
      if (!to.closed) {
        to.partnership.received(message);
      }
    }
  }

  /** Closes a list. */
  static void closeAll(List<? extends AutoCloseable> all) throws Exception {
    for (AutoCloseable each : new ArrayList<>(all)) {
      each.close();
    }
  }

  @Override
  public void close() {
    cut();
    first.close();
    second.close();
    tun.close();
    client.close();
    server.close();
  }
}
