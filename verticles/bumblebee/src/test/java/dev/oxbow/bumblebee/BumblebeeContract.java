package dev.oxbow.bumblebee;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.oxbow.bumblebee.tunnel.ClientNetwork;
import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.flow.EndReason;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything that a Bumblebee promises to Java programs, wherever its tunnels are. */
@DescriptorLeaks
@RequiresRoot
abstract class BumblebeeContract {
  private static final int PATIENCE_SECONDS = 10;

  @TempDir Path directory;
  private final BlockingQueue<TunnelConnection> connections = new LinkedBlockingQueue<>();
  private ClientNetwork client;
  private Vertx vertx;
  private OxbowOptions options;
  private Bumblebee bumblebee;

  /** Starts what is tested. */
  abstract Future<Bumblebee> open(Vertx in, OxbowOptions options);

  /** Goes on with what another process has handed over. */
  abstract Future<Bumblebee> inherit(Vertx in, OxbowOptions options, Cargo cargo);

  /** As if its process had ended, after it has handed over. */
  abstract Future<Void> leave(Bumblebee predecessor);

  @BeforeEach
  void open() {
    client = new ClientNetwork(1500, true);
    vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setEventLoopPoolSize(3));
    options = new OxbowOptions(directory);
    options.setBumblebee(new BumblebeeOptions().setLoops(2).setMaxTunnels(64));
    bumblebee = EpollVertx.await(open(vertx, options));
  }

  @AfterEach
  void close() {
    if (bumblebee != null) {
      EpollVertx.await(bumblebee.close());
    }
    EpollVertx.await(vertx.close());
    client.close();
  }

  private Tunnel upgrade() {
    Descriptor flow = client.tun().descriptor().duplicate();
    return EpollVertx.await(bumblebee.upgrade(new UpgradeRequest(flow).setMetadata("m")));
  }

  private TunnelConnection next() throws InterruptedException {
    TunnelConnection next = connections.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(next).isNotNull();
    return next;
  }

  /** Ends a tunnel; its report's flow is closed. */
  private TunnelReport abort(Tunnel tunnel) {
    EpollVertx.await(bumblebee.abort(tunnel.id()));
    try (TunnelReport report = EpollVertx.await(tunnel.closed())) {
      return report;
    }
  }

  @Test
  void connectionIsSocketWithTheAddressesThatTheClientUsed() throws Exception {
    bumblebee.connections().handler(connections::add);
    Tunnel tunnel = upgrade();
    try (TestPeer inside = client.connect("10.9.8.7", 443);
        TunnelConnection connection = next()) {
      assertThat(connection.tunnel()).isEqualTo(tunnel.id());
      assertThat(connection.destination()).isEqualTo("10.9.8.7:443");
      assertThat(connection.destinationAddress().host()).isEqualTo("10.9.8.7");
      assertThat(connection.destinationAddress().port()).isEqualTo(443);
      assertThat(connection.clientAddress().host()).isEqualTo("10.0.0.2");
      assertThat(connection.metadata()).hasToString("\"m\"");
      TestPeer outside = new TestPeer(connection.socket());
      inside.write("hello".getBytes(US_ASCII));
      assertThat(outside.read(5)).isEqualTo("hello".getBytes(US_ASCII));
    }
    TunnelReport report = abort(tunnel);
    assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
    assertThat(report.packets().in()).isGreaterThan(2);
    assertThat(report.metadata()).hasToString("\"m\"");
  }

  @Test
  void connectionBecomesNetSocketOfVertx() throws Exception {
    Context context = vertx.getOrCreateContext();
    bumblebee
        .connections()
        .handler(
            connection ->
                connection
                    .netSocket(context)
                    .onSuccess(socket -> socket.handler(socket::write))
                    .onFailure(e -> connection.close()));
    Tunnel tunnel = upgrade();
    try (TestPeer inside = client.connect("2001:db8::5", 7)) {
      inside.write("echo".getBytes(US_ASCII));
      assertThat(inside.read(4)).isEqualTo("echo".getBytes(US_ASCII));
    }
    abort(tunnel);
  }

  @Test
  void resetConnectionIsRefusalToItsClient() throws Exception {
    bumblebee.connections().handler(TunnelConnection::reset);
    Tunnel tunnel = upgrade();
    assertThatThrownBy(
            () -> {
              try (TestPeer inside = client.connect("10.9.8.7", 80)) {
                inside.read(1);
              }
            })
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("ECONNRESET");
    abort(tunnel);
  }

  @Test
  void pausedConnectionsWaitUntilTheyAreFetched() throws Exception {
    bumblebee.connections().pause().handler(connections::add);
    Tunnel tunnel = upgrade();
    try (TestPeer first = client.connect("10.9.8.7", 81);
        TestPeer second = client.connect("10.9.8.7", 82)) {
      Await.until(
          "both are accepted",
          () -> EpollVertx.await(bumblebee.stats()).getInteger("accepted") == 2);
      assertThat(connections).isEmpty();
      bumblebee.connections().fetch(1);
      try (TunnelConnection connection = next()) {
        assertThat(connection.destination()).isEqualTo("10.9.8.7:81");
        assertThat(connections).isEmpty();
      }
      bumblebee.connections().resume();
      try (TunnelConnection connection = next()) {
        assertThat(connection.destination()).isEqualTo("10.9.8.7:82");
      }
      assertThat(first.readAll()).isEmpty();
      assertThat(second.readAll()).isEmpty();
    }
    abort(tunnel);
  }

  @Test
  void nextProcessGoesOnWithTunnelsAndWithConnectionsThatNobodyTook() throws Exception {
    bumblebee.connections().pause().handler(connections::add);
    Tunnel tunnel = upgrade();
    List<TestPeer> inside = new ArrayList<>();
    for (int port = 81; port <= 83; port++) {
      inside.add(client.connect("10.9.8.7", port));
    }
    bumblebee.connections().fetch(1);
    try (TunnelConnection taken = next()) {
      Transferable old = bumblebee.transferable();
      EpollVertx.await(old.freeze()).close();
      bumblebee.connections().fetch(1);
      assertThat(connections).isEmpty();
      EpollVertx.await(old.thaw());
      try (TunnelConnection second = next()) {
        assertThat(second.destination()).isEqualTo("10.9.8.7:82");
      }
      Bumblebee heir = heirOf(old);
      EpollVertx.await(leave(bumblebee));
      bumblebee = heir;
      assertExchange(inside.get(0), taken, "10.9.8.7:81");
      inside.add(client.connect("2001:db8::5", 84));
      assertThat(connections).isEmpty();
      heir.connections().handler(connections::add);
      assertExchange(inside.get(2), next(), "10.9.8.7:83");
      assertExchange(inside.get(3), next(), "[2001:db8::5]:84");
    }
    inside.forEach(TestPeer::close);
    try (TunnelReport report = abortOf(tunnel.id())) {
      assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
    }
  }

  @Test
  void nextProcessIsToldOfTunnelsWhoseEndNobodyTook() throws Exception {
    Tunnel tunnel = upgrade();
    Bumblebee second = heirOf(bumblebee.transferable());
    EpollVertx.await(leave(bumblebee));
    bumblebee = second;
    // Nobody waits for this report: who opened the tunnel is gone.
    EpollVertx.await(second.abort(tunnel.id()));
    Await.until(
        "the tunnel is over", () -> EpollVertx.await(second.list(null, 10)).tunnels().isEmpty());
    BlockingQueue<TunnelReport> early = new LinkedBlockingQueue<>();
    BlockingQueue<TunnelReport> reports = new LinkedBlockingQueue<>();
    Bumblebee third = heirOf(second.transferable());
    second.unclaimedHandler(early::add);
    EpollVertx.await(leave(second));
    EpollVertx.await(second.close().transform(v -> Future.succeededFuture()));
    bumblebee = third;
    third.unclaimedHandler(reports::add);
    try (TunnelReport report = reports.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      assertThat(report).isNotNull();
      assertThat(report.tunnel()).isEqualTo(tunnel.id());
      assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
      assertThat(report.flow().isOpen()).isTrue();
    }
    assertThat(early).isEmpty();
    assertThat(reports).isEmpty();
  }

  /** Hands over, as to another process: with other descriptors of the same kernel objects. */
  private Bumblebee heirOf(Transferable old) {
    try (Cargo lent = EpollVertx.await(old.freeze());
        Cargo given = new Cargo()) {
      lent.names().forEach(name -> given.give(name, lent.get(name).duplicate()));
      Bumblebee heir = EpollVertx.await(inherit(vertx, options, given));
      Transferable next = heir.transferable();
      for (int group = 0; group < old.groups(); group++) {
        EpollVertx.await(old.freeze(group));
        EpollVertx.await(next.thaw(group));
      }
      EpollVertx.await(next.thaw());
      return heir;
    }
  }

  private static void assertExchange(TestPeer inside, TunnelConnection connection, String where) {
    try (connection) {
      assertThat(connection.destination()).isEqualTo(where);
      TestPeer outside = new TestPeer(connection.socket());
      inside.write(new byte[] {1, 2});
      assertThat(outside.read(2)).containsExactly(1, 2);
      outside.write(new byte[] {3});
      assertThat(inside.read(1)).containsExactly(3);
    }
  }

  /** Ends a tunnel that another process has opened. */
  private TunnelReport abortOf(String tunnel) throws Exception {
    BlockingQueue<TunnelReport> reports = new LinkedBlockingQueue<>();
    bumblebee.unclaimedHandler(reports::add);
    EpollVertx.await(bumblebee.abort(tunnel));
    TunnelReport report = reports.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(report).isNotNull();
    return report;
  }

  @Test
  void refusedFlowStaysItsOwners() {
    Descriptor[] ends = UnixSockets.pair();
    try (Descriptor listener = ends[0];
        Descriptor other = ends[1]) {
      Tunnel tunnel = EpollVertx.await(bumblebee.upgrade(new UpgradeRequest(listener.duplicate())));
      BumblebeeException refusal =
          catchThrowableOfType(
              BumblebeeException.class,
              () -> EpollVertx.await(bumblebee.upgrade(new UpgradeRequest(listener))));
      assertThat(refusal.code()).isEqualTo(ErrorCode.BAD_DESCRIPTORS);
      assertThat(refusal.outcomeOpen()).isFalse();
      assertThat(refusal).hasMessageContaining("flow: given before");
      assertThat(listener.isOpen()).isTrue();
      Descriptor.closeAll(List.of(other));
      try (TunnelReport report = EpollVertx.await(tunnel.closed())) {
        assertThat(report.reason()).isEqualTo(EndReason.EOF);
      }
    }
  }

  @Test
  void allTunnelsAreListedPageAfterPage() {
    List<Tunnel> tunnels = new ArrayList<>();
    List<Descriptor> others = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Descriptor[] ends = UnixSockets.pair();
      others.add(ends[1]);
      tunnels.add(EpollVertx.await(bumblebee.upgrade(new UpgradeRequest(ends[0]))));
    }
    for (int limit : new int[] {1, 2, 3, Bumblebee.MAX_PAGE}) {
      assertThat(EpollVertx.await(TunnelPage.all(bumblebee, limit)))
          .extracting(TunnelPage.Entry::tunnel)
          .isEqualTo(tunnels.stream().map(Tunnel::id).toList());
    }
    Descriptor.closeAll(others);
    tunnels.forEach(tunnel -> EpollVertx.await(tunnel.closed()).close());
  }

  private JsonObject stats() {
    return EpollVertx.await(bumblebee.stats());
  }

  /** Asked of another tun, as {@code oxbow check} does. */
  private static boolean knowsUso() {
    try (Namespace namespace = Namespace.open();
        Tun tun = namespace.call(() -> Tun.open("probe", true))) {
      return tun.offloads(Tun.TCP_OFFLOADS | Tun.UDP_OFFLOADS);
    }
  }

  @Test
  void tunnelsAreListedAndUnknownOnesAreNotFound() {
    Tunnel tunnel = upgrade();
    TunnelPage page = EpollVertx.await(bumblebee.list(null, 10));
    assertThat(page.next()).isNull();
    assertThat(page.tunnels()).hasSize(1);
    assertThat(page.tunnels().get(0).tunnel()).isEqualTo(tunnel.id());
    assertThat(page.tunnels().get(0).metadata()).hasToString("\"m\"");
    Await.until("it has a device", () -> stats().getInteger("devices") == 1);
    assertThat(stats().getInteger("tunnels")).isEqualTo(1);
    JsonObject offloads = stats().getJsonObject("offloads");
    assertThat(offloads.getInteger("csum")).isEqualTo(1);
    assertThat(offloads.getInteger("tso4")).isEqualTo(1);
    assertThat(offloads.getInteger("tso6")).isEqualTo(1);
    assertThat(offloads.getInteger("uso")).isEqualTo(knowsUso() ? 1 : 0);
    BumblebeeException refusal =
        catchThrowableOfType(
            BumblebeeException.class, () -> EpollVertx.await(bumblebee.abort("zz")));
    assertThat(refusal.code()).isEqualTo(ErrorCode.NOT_FOUND);
    abort(tunnel);
  }
}
