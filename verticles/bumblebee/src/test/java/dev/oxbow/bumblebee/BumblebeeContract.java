package dev.oxbow.bumblebee;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.oxbow.bumblebee.tunnel.ClientNetwork;
import dev.oxbow.bumblebee.tunnel.EndReason;
import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
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
  private Bumblebee bumblebee;

  /** Starts what is tested. */
  abstract Future<Bumblebee> open(Vertx in, OxbowOptions options);

  @BeforeEach
  void open() {
    client = new ClientNetwork(1500, true);
    vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setEventLoopPoolSize(3));
    OxbowOptions options = new OxbowOptions(directory);
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
    assertThat(report.packetsIn()).isGreaterThan(2);
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

  @Test
  void tunnelsAreListedAndUnknownOnesAreNotFound() {
    Tunnel tunnel = upgrade();
    TunnelPage page = EpollVertx.await(bumblebee.list(null, 10));
    assertThat(page.next()).isNull();
    assertThat(page.tunnels()).hasSize(1);
    assertThat(page.tunnels().get(0).tunnel()).isEqualTo(tunnel.id());
    assertThat(page.tunnels().get(0).metadata()).hasToString("\"m\"");
    assertThat(EpollVertx.await(bumblebee.stats()).getInteger("tunnels")).isEqualTo(1);
    BumblebeeException refusal =
        catchThrowableOfType(
            BumblebeeException.class, () -> EpollVertx.await(bumblebee.abort("zz")));
    assertThat(refusal.code()).isEqualTo(ErrorCode.NOT_FOUND);
    abort(tunnel);
  }
}
