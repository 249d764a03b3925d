package dev.oxbow.fish.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.replica.SessionName;
import dev.oxbow.service.flow.EndReason;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;

/** Live connections of one node of a pair go on at the other one. */
@DescriptorLeaks
@RequiresRoot
class TakeOverTest {
  private static final int CHATS = 200;
  private static final int LONG = 128 << 20;

  /** It is far less; a busy machine is no fault. */
  private static final long STALL_MS = 15_000;

  private static final SessionName EDGE = new SessionName(0, "test", "edge");

  @TempDir Path directory;
  private PairStage stage;
  private final List<Socket> clients = new ArrayList<>();
  private final List<Socket> servers = new ArrayList<>();

  @BeforeEach
  void open() {
    stage = new PairStage(directory);
  }

  @AfterEach
  void close() throws Exception {
    PairStage.closeAll(clients);
    PairStage.closeAll(servers);
    stage.close();
  }

  private ServerSocket listen() {
    return stage.server.call(
        () -> new ServerSocket(0, 500, InetAddress.getByName(PairStage.SERVER)));
  }

  private void connect(ServerSocket listener, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      Socket socket =
          stage.client.call(
              () -> {
                Socket made = new Socket();
                made.connect(
                    new InetSocketAddress(PairStage.SERVER, listener.getLocalPort()),
                    Peers.PATIENCE_MS);
                return made;
              });
      clients.add(socket);
      servers.add(listener.accept());
    }
  }

  /** Waits until a node keeps so many connections of the other's. */
  private static void awaitKept(PairStage.Node node, int count) {
    Await.until(
        count + " are kept",
        () ->
            node.counters().kept() == count && node.partnership.partner() == PartnerState.PRESENT);
  }

  /** Opens a session at the first, with so many connections that the second keeps. */
  private Session openKept(ServerSocket listener, int count) throws IOException {
    stage.link();
    Session made = stage.first.open("edge");
    connect(listener, count);
    awaitKept(stage.second, count);
    return made;
  }

  private static void awaitLost(PairStage.Node node) {
    Await.until(
        "the other one is held for lost", () -> node.partnership.partner() == PartnerState.LOST);
  }

  @Test
  void connectionsOfALostNodeGoOnWithTheirPorts(TestReporter figures) throws IOException {
    stage.link();
    stage.first.open("edge");
    try (ServerSocket listener = listen();
        DatagramSocket datagrams =
            stage.server.call(
                () -> new DatagramSocket(new InetSocketAddress(PairStage.SERVER, 0)));
        DatagramSocket asking = stage.client.call(() -> new DatagramSocket())) {
      connect(listener, CHATS + 1);
      List<SocketAddress> before = servers.stream().map(Socket::getRemoteSocketAddress).toList();
      int port = Peers.ask(asking, datagrams);
      awaitKept(stage.second, CHATS + 2);
      Transfer download = Transfer.begin(servers.get(CHATS), clients.get(CHATS), LONG);
      Await.until("the window is wide", () -> download.received() > LONG / 8);
      stage.first.die();
      assertThat(download.received()).isLessThan(LONG);
      stage.cut();
      awaitLost(stage.second);
      stage.route(stage.second);
      Session again = stage.second.open("edge");
      assertThat(again.resumed()).isEqualTo(CHATS + 2);
      // Who has been silent is reached without a word of the client's.
      for (int i = 0; i < CHATS; i++) {
        Peers.exchange(servers.get(i), clients.get(i), 100);
        Peers.exchange(clients.get(i), servers.get(i), 100);
      }
      assertThat(Peers.ask(asking, datagrams)).isEqualTo(port);
      download.join();
      long stallMs = TimeUnit.NANOSECONDS.toMillis(download.longestNanos());
      figures.publishEntry("longest stall of the download, ms", Long.toString(stallMs));
      assertThat(stallMs).isLessThan(STALL_MS);
      assertThat(servers.stream().map(Socket::getRemoteSocketAddress)).isEqualTo(before);
      assertThat(stage.second.entries()).contains(": " + (CHATS + 2) + " flow entries");
      assertThat(again.packets().dropped()).isEmpty();
      assertThat(stage.second.counters().refused()).isZero();
    }
  }

  @Test
  void nodeThatComesBackGivesUpWhatHasGone() throws IOException {
    try (ServerSocket listener = listen()) {
      Session before = openKept(listener, 10);
      // It lives, but is held for lost, and its client has gone.
      stage.cut();
      stage.first.vertx.run(() -> Carrier.stop(before));
      awaitLost(stage.second);
      stage.route(stage.second);
      assertThat(stage.first.entries()).contains(": 10 flow entries");
      assertThat(stage.second.open("edge").resumed()).isEqualTo(10);
      stage.link();
      Await.until("its holder hears of it", () -> !stage.first.outcomes.isEmpty());
      assertThat(stage.first.outcomes.get(0).reason()).isEqualTo(EndReason.ERROR);
      assertThat(stage.first.outcomes.get(0).errno()).isEqualTo(Errno.ESTALE);
      awaitKept(stage.first, 10);
      assertThat(stage.first.entries()).contains(": 0 flow entries");
      assertThat(away(stage.first)).isEqualTo(10);
      for (int i = 0; i < 10; i++) {
        Peers.exchange(servers.get(i), clients.get(i), 100);
      }
      // The name is the other one's as long as that is not lost.
      assertThat(hindrance(stage.first)).contains("the partner has a session of that name");
      Await.until("it is this one's", () -> hindrance(stage.second) == null);
      // What ends there rests here.
      clients.remove(0).close();
      servers.remove(0).close();
      Await.until("it has ended", () -> away(stage.first) == 9);
    }
  }

  @Test
  void portsOfWhatThePartnerMayHaveAreNotFreeUntilItIsAsked() throws IOException {
    try (ServerSocket listener = listen()) {
      Session before = openKept(listener, 10);
      stage.cut();
      awaitLost(stage.first);
      awaitLost(stage.second);
      connect(listener, 1);
      stage.first.vertx.run(() -> stage.first.plane.end(before, EndReason.ABORTED));
      Await.until("its holder hears of it", () -> !stage.first.outcomes.isEmpty());
      stage.route(stage.second);
      assertThat(stage.second.open("edge").resumed()).isEqualTo(10);
      assertThat(resting(stage.first)).isEqualTo(11);
      stage.ahead.addAndGet(TimeUnit.SECONDS.toNanos(200));
      // But for the one of which the partner was not told.
      Await.until("ports that have rested are free", () -> resting(stage.first) < 11);
      assertThat(resting(stage.first)).isEqualTo(10);
      stage.link();
      awaitKept(stage.first, 10);
      assertThat(away(stage.first)).isEqualTo(10);
      for (int i = 0; i < 10; i++) {
        Peers.exchange(servers.get(i), clients.get(i), 100);
      }
    }
  }

  private static @Nullable String hindrance(PairStage.Node node) {
    return node.vertx.call(() -> node.partnership.hindrance(EDGE));
  }

  private static int away(PairStage.Node node) {
    return resting(node, FlowTable.AWAY);
  }

  private static int resting(PairStage.Node node) {
    return resting(node, 0);
  }

  /** Connections that are over and rest, with a flag. */
  private static int resting(PairStage.Node node, int flag) {
    return node.vertx.call(
        () -> {
          FlowTable flows = node.tables.flows();
          int count = 0;
          for (int flow = 0; flow < flows.capacity(); flow++) {
            boolean resting = flows.state(flow) == FlowTable.RESTING;
            count += resting && (flows.flags(flow) & flag) == flag ? 1 : 0;
          }
          return count;
        });
  }

  @Test
  void upgradesOfBothLeaveWhatIsKept() throws IOException {
    stage.link();
    Session session = stage.first.open("edge");
    try (ServerSocket listener = listen()) {
      connect(listener, 5);
      awaitKept(stage.second, 5);
      stage.first.handOver(session);
      connect(listener, 5);
      stage.link();
      awaitKept(stage.second, 10);
      stage.times = PairStage.times(0);
      stage.second.handOver();
      // Nothing has been told since.
      stage.first.die();
      stage.cut();
      awaitLost(stage.second);
      stage.route(stage.second);
      assertThat(stage.second.open("edge").resumed()).isEqualTo(10);
      for (int i = 0; i < 10; i++) {
        Peers.exchange(servers.get(i), clients.get(i), 100);
      }
    }
  }

  @Test
  void sessionWithoutConnectionsIsNotOpenedByThePartnerEither() {
    Session before = stage.first.open("edge");
    stage.link();
    Await.until("it is known there", () -> isTheirs(stage.second));
    stage.first.vertx.run(() -> stage.first.plane.end(before, EndReason.ABORTED));
    Await.until("its end is, too", () -> hindrance(stage.second) == null);
    stage.first.open("edge");
    Await.until("the next one is", () -> isTheirs(stage.second));
    stage.first.die();
    stage.cut();
    awaitLost(stage.second);
    assertThat(stage.second.open("edge").resumed()).isZero();
  }

  private static boolean isTheirs(PairStage.Node node) {
    String why = hindrance(node);
    return why != null && why.contains("the partner has a session of that name");
  }

  @Test
  void nothingIsOpenedUntilItIsKnownWhatThePartnerHas() {
    assertThat(hindrance(stage.first)).contains("not known yet");
    stage.link();
    Await.until("it is known", () -> hindrance(stage.first) == null);
  }
}
