package dev.oxbow.fish.session;

import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.conntrack.ConntrackDump;
import dev.oxbow.fish.conntrack.ConntrackEvents;
import dev.oxbow.fish.network.EgressNetwork;
import dev.oxbow.fish.network.Endpoint;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.Flow;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.testing.FlowBridge;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Fish between a server's namespace and clients' namespaces, each client behind a tun that is a
 * session's flow.
 *
 * <pre>
 *   client 10.0.0.2, fd00::2 -- tun = flow -- Fish 203.0.113.7, 2001:db8:2::7 -- veth -- server
 *                                                                         198.51.100.9, fd99::9
 * </pre>
 */
public final class EgressStage implements AutoCloseable {
  static final int MARK = 0x0f15;
  private static final int SECOND_PORT = 21_000;

  private static final Tables.Sizes SIZES = new Tables.Sizes(100, 1000, 4000);

  /** Room for the kernel's answers, and for its events, of planes that are made from here on. */
  int bufferBytes = 4 << 20;

  /** Of every uid; those of a session hold from its beginning on. */
  QuotaOptions quotas = new QuotaOptions();

  /** Of the planes, which {@link #later} adds to. */
  volatile LongSupplier clock = System::nanoTime;

  /** Of whoever opens the next session. */
  long uid;

  /** How long the connections of a session wait after a crash. */
  long graceNanos = 60_000_000_000L;

  public static final String SERVER = "198.51.100.9";
  static final String SERVER_6 = "fd99::9";
  public static final String OUTER = "203.0.113.7";
  static final String OUTER_6 = "2001:db8:2::7";

  /** Where the middle listens to a partner, and that to the middle, in the server's namespace. */
  static final String MIDDLE = "198.51.100.1";

  static final String MIDDLE_6 = "fd99::1";
  static final int LINK_PORT = 5_701;
  private static final List<Endpoint> LINKS =
      Stream.of(MIDDLE, SERVER, MIDDLE_6, SERVER_6)
          .map(address -> new Endpoint(Prefix.parse(address), LINK_PORT))
          .toList();

  static final int FIRST_PORT = 20_000;
  static final int LAST_PORT = 20_099;

  final EpollVertx vertx = EpollVertx.open();
  final Namespace middle;
  final Namespace server;
  final List<String> exhausted = new CopyOnWriteArrayList<>();
  final List<FlowOutcome> outcomes = new CopyOnWriteArrayList<>();
  final PortSlice slice;
  final PortSlice slice6;
  final EgressNetwork network;
  final Path files;
  private final EgressNetwork.Plan plan;
  private final boolean second;
  SessionPlane plane;
  Tables tables;
  private final AtomicLong ahead = new AtomicLong();
  private final List<Client> clients = new ArrayList<>();
  private long lastId;

  EgressStage(Path directory) {
    this(directory, null, true);
  }

  /**
   * @param beside another Fish, in whose namespace this one is the second; null for none
   */
  EgressStage(Path directory, @Nullable EgressStage beside) {
    this(directory, beside, true);
  }

  /**
   * @param header whether fish0 has IFF_VNET_HDR; without, it is one of an older Fish
   */
  EgressStage(Path directory, boolean header) {
    this(directory, null, header);
  }

  private EgressStage(Path directory, @Nullable EgressStage beside, boolean header) {
    second = beside != null;
    middle = beside == null ? Namespace.open() : beside.middle;
    server = beside == null ? Namespace.open() : beside.server;
    if (!second) {
      wire(middle, server);
    }
    int first = second ? SECOND_PORT : FIRST_PORT;
    int last = first + LAST_PORT - FIRST_PORT;
    slice = new PortSlice(0, 0xffff_cb00_7107L, first, last);
    slice6 = new PortSlice(0x2001_0db8_0002_0000L, 7, first, last);
    plan =
        new EgressNetwork.Plan(
            second ? "fish1" : "fish0",
            second ? MARK + 1 : MARK,
            Prefix.parse(second ? "100.32.0.0/16" : "100.64.0.0/10"),
            Prefix.parse(second ? "fd6f:7862:7070::/64" : "fd6f:7862:6f77::/64"),
            List.of(slice, slice6),
            LINKS);
    files = directory.resolve(plan.device());
    EgressNetwork made = middle.call(() -> EgressNetwork.open(plan));
    network = header ? made : older(made);
    tables = Tables.open(files, SIZES);
    plane = plane(tables);
    vertx.run(plane::thaw);
  }

  private EgressNetwork older(EgressNetwork made) {
    made.close();
    Tun plain = middle.call(() -> Tun.open(plan.device(), false));
    in(
        middle,
        "ip link set fish0 mtu 65535 txqueuelen 10000 up",
        "ip route add " + plan.pool4() + " dev fish0",
        "ip -6 route add " + plan.pool6() + " dev fish0");
    return middle.call(() -> EgressNetwork.adopt(plan, plain));
  }

  /** A plane that stands still. */
  private SessionPlane plane(Tables tables) {
    Conntrack conntrack = middle.call(() -> Conntrack.open(plan.mark(), bufferBytes));
    NetlinkSocket events = middle.call(() -> ConntrackEvents.open(bufferBytes));
    SessionPlane.Parts parts =
        new SessionPlane.Parts(
            network.tun().descriptor().fd(),
            network.offloads(),
            conntrack,
            events,
            plan.mark(),
            tables,
            plan.pool4(),
            plan.pool6(),
            plan.slices(),
            graceNanos,
            uid -> quotas,
            () -> clock.getAsLong() + ahead.get());
    return vertx.call(() -> new SessionPlane(loop(), parts));
  }

  /** Shares everything with a plane that has descriptors of its own, as another process has. */
  SessionPlane successor() {
    Cargo lent = new Cargo();
    vertx.run(
        () -> {
          plane.share();
          plane.lend(lent);
        });
    Cargo copies = new Cargo();
    lent.names().forEach(name -> copies.give(name, lent.get(name).duplicate()));
    SessionPlane made = plane(Tables.adopt(copies));
    vertx.run(made::share);
    return made;
  }

  /** The plane's clock jumps ahead. */
  void later(long nanos) {
    ahead.addAndGet(nanos);
  }

  /** Another plane goes on with all sessions; this one ends as its process would. */
  void passTo(SessionPlane other) {
    vertx.run(
        () -> {
          plane.freeze();
          other.thaw();
          other.unshare();
          plane.close();
        });
    plane = other;
  }

  /** The plane ends as if it was killed, and another one finds what it has left. */
  void crash() {
    crash(() -> {});
  }

  /**
   * The plane ends as if it was killed, and another one finds what it has left, and what is lost.
   */
  void crash(Runnable meanwhile) {
    vertx.run(plane::close);
    meanwhile.run();
    Tables left = Tables.find(files);
    SessionPlane next = plane(left == null ? Tables.open(files, SIZES) : left);
    middle.call(
        () -> {
          try (ConntrackDump dump = ConntrackDump.open()) {
            next.recover(dump);
          }
          return true;
        });
    vertx.run(next::thaw);
    plane = next;
    if (left != null) {
      tables = left;
    }
  }

  /** Puts a cable between two namespaces, with the addresses of the drawing. */
  public static void wire(Namespace middle, Namespace server) {
    String peer = "/proc/" + ProcessHandle.current().pid() + "/fd/" + server.descriptor().fd();
    in(
        middle,
        "ip link add out0 type veth peer name in0 netns " + peer,
        "ip address add 198.51.100.1/24 dev out0",
        "ip address add fd99::1/64 dev out0 nodad",
        "echo 0 > /proc/sys/net/ipv6/conf/out0/accept_dad",
        "ip link set out0 up",
        "ip link set lo up");
    in(
        server,
        "ip address add 198.51.100.9/24 dev in0",
        "ip address add 198.51.100.10/24 dev in0",
        "ip address add fd99::9/64 dev in0 nodad",
        "ip address add fd99::10/64 dev in0 nodad",
        "echo 0 > /proc/sys/net/ipv6/conf/in0/accept_dad",
        "ip link set in0 up",
        "ip link set lo up",
        "ip route add 203.0.113.0/24 via 198.51.100.1",
        "ip route add 2001:db8:2::/64 via fd99::1");
  }

  private DescriptorLoop loop() {
    return DescriptorLoop.of(vertx.context());
  }

  /** A client's namespace whose packets are a session's flow. */
  Client client(Mapping mapping, int mtu) {
    return client(mapping, mtu, null);
  }

  /**
   * A client's namespace whose packets are a session's flow.
   *
   * @param name stable, or null
   */
  Client client(Mapping mapping, int mtu, @Nullable String name) {
    return client(FlowBridge.Kind.TUN, mapping, mtu, name);
  }

  /** A client's namespace whose packets are a session's flow of a kind. */
  Client client(FlowBridge.Kind kind, Mapping mapping, int mtu, @Nullable String name) {
    Namespace namespace = Namespace.open();
    Tun tun = clientTun(namespace, mtu, kind.vnetHdr);
    FlowBridge bridge = new FlowBridge(tun, kind);
    int flow = bridge.flow().fd();
    FlowKind found = Flow.examine("flow", flow, files).kind();
    Session session = session(flow, found, bridge.saysVnetHdr(), mapping, mtu, name);
    Client client = new Client(namespace, tun, bridge, session);
    clients.add(client);
    return client;
  }

  /** A tun through which everything leaves a namespace. */
  public static Tun clientTun(Namespace namespace, int mtu) {
    return clientTun(namespace, mtu, false);
  }

  private static Tun clientTun(Namespace namespace, int mtu, boolean vnetHdr) {
    Tun tun = namespace.call(() -> Tun.open("tun0", vnetHdr));
    if (vnetHdr && !tun.offloads(Tun.TCP_OFFLOADS)) {
      throw new IllegalStateException("a tun without TSO");
    }
    in(
        namespace,
        "ip address add 10.0.0.2/24 dev tun0",
        "ip address add fd00::2/64 dev tun0 nodad",
        "ip link set tun0 mtu " + mtu + " up",
        "ip link set lo up",
        "ip route add default dev tun0",
        "ip -6 route add default dev tun0");
    return tun;
  }

  /** Opens a session on a flow, which stays the caller's. */
  Session session(int flow, FlowKind kind, Mapping mapping, int mtu) {
    return session(flow, kind, mapping, mtu, null);
  }

  /** Opens a session of a name, which may be null. */
  Session session(int flow, FlowKind kind, Mapping mapping, int mtu, @Nullable String name) {
    return session(flow, kind, false, mapping, mtu, name);
  }

  /** Opens a session of a name, which may be null. */
  Session session(
      int flow, FlowKind kind, boolean vnetHdr, Mapping mapping, int mtu, @Nullable String name) {
    List<SessionSpec.Range> egress =
        List.of(
            new SessionSpec.Range(slice, slice.first(), slice.last()),
            new SessionSpec.Range(slice6, slice6.first(), slice6.last()));
    return session(flow, kind, vnetHdr, mapping, mtu, name, egress);
  }

  /** Opens a session that leaves from there. */
  Session session(
      int flow,
      FlowKind kind,
      Mapping mapping,
      int mtu,
      @Nullable String name,
      List<SessionSpec.Range> egress) {
    return session(flow, kind, false, mapping, mtu, name, egress);
  }

  private Session session(
      int flow,
      FlowKind kind,
      boolean vnetHdr,
      Mapping mapping,
      int mtu,
      @Nullable String name,
      List<SessionSpec.Range> egress) {
    SessionSpec.Owner owner = new SessionSpec.Owner(uid, "test", name);
    SessionSpec spec = new SessionSpec(++lastId, owner, flow, kind, vnetHdr, mtu, mapping, egress);
    return vertx.call(() -> Objects.requireNonNull(plane.attach(spec, new Told())));
  }

  /** A session of the plane before, in another one. */
  Session adopt(SessionPlane other, Session session) {
    return vertx.call(
        () -> other.adopt(session.slot(), session.spec.flow(), session.spec.egress(), new Told()));
  }

  void end(Session session) {
    vertx.run(() -> plane.end(session, EndReason.ABORTED));
  }

  /** Connections of a session, resting ones included. */
  int flows(Session session) {
    return vertx.call(() -> plane.flows(session));
  }

  PlaneCounters counters() {
    return vertx.call(plane::counters);
  }

  /** A client's namespace and its session. */
  record Client(Namespace namespace, Tun tun, FlowBridge bridge, Session session)
      implements AutoCloseable {
    @Override
    public void close() {
      bridge.close();
      tun.close();
      namespace.close();
    }
  }

  private final class Told implements SessionPlane.Observer {
    @Override
    public void exhausted(long high, long low, int port) {
      exhausted.add(dev.oxbow.codecs.tcp.SocketAddresses.text(high, low, port));
    }

    @Override
    public void closed(FlowOutcome outcome) {
      outcomes.add(outcome);
    }
  }

  /** Runs commands in a namespace; what they print, or an error when one fails. */
  public static String in(Namespace namespace, String... commands) {
    return namespace.call(() -> sh(String.join(" && ", commands)));
  }

  private static String sh(String script) throws IOException, InterruptedException {
    Process process = new ProcessBuilder("sh", "-c", script).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (process.waitFor() != 0) {
      throw new IllegalStateException(script + ": " + output);
    }
    return output;
  }

  /** Two ends of a flow. */
  public static List<Descriptor> packetPair() {
    long ends =
        dev.oxbow.fdpassing.libc.Sockets.socketpair(
            dev.oxbow.fdpassing.libc.Sockets.AF_UNIX,
            dev.oxbow.fdpassing.libc.Sockets.SOCK_SEQPACKET);
    return List.of(Descriptor.adopt((int) ends), Descriptor.adopt((int) (ends >>> 32)));
  }

  @Override
  public void close() {
    vertx.run(plane::close);
    middle.call(
        () -> {
          network.restore();
          return true;
        });
    clients.forEach(Client::close);
    if (!second) {
      middle.close();
      server.close();
    }
    vertx.close();
  }
}
