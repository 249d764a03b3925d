package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.SERVER;
import static dev.oxbow.fish.session.EgressStage.SERVER_6;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage.Client;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowKind;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sessions go on in another plane: handed over, or found after a crash. */
@DescriptorLeaks
@RequiresRoot
class SessionHandOverTest {
  private static final int MTU = 1500;
  private static final int GENERATIONS = 3;
  private static final int MANY = 500;
  private static final int LONG = 48 << 20;

  @TempDir Path directory;
  private EgressStage stage;
  private Peers peers;

  @BeforeEach
  void open() {
    stage = new EgressStage(directory);
    peers = new Peers(stage);
  }

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void connectionsAndPortsGoOnInOnePlaneAfterTheOther() throws IOException {
    Client one = stage.client(Mapping.PER_DESTINATION, MTU);
    Client alone = stage.client(Mapping.ENDPOINT_INDEPENDENT, MTU);
    try (ServerSocket listener = peers.listen(SERVER);
        DatagramSocket server = peers.bind(SERVER);
        DatagramSocket other = peers.bind("198.51.100.10");
        DatagramSocket socket = alone.namespace().call(() -> new DatagramSocket());
        Socket connected = Peers.connect(one, SERVER, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      int port = Peers.ask(socket, server);
      Session first = one.session();
      Session second = alone.session();
      for (int i = 0; i < GENERATIONS; i++) {
        SessionPlane next = stage.successor();
        first = stage.adopt(next, first);
        second = stage.adopt(next, second);
        // What comes while nobody carries waits.
        stage.passTo(next);
        Peers.exchange(connected, accepted, 50_000);
        Peers.exchange(accepted, connected, 50_000);
        assertThat(Peers.ask(socket, server)).isEqualTo(port);
        assertThat(Peers.ask(socket, other)).isEqualTo(port);
      }
      assertThat(stage.counters().sessions()).isEqualTo(2);
      assertThat(first.packets().in()).isGreaterThan(GENERATIONS * 50_000L / MTU);
      stage.end(first);
      stage.end(second);
      Await.until("both have ended", () -> stage.outcomes.size() == 2);
    }
  }

  @Test
  void planeGoesOnItselfWhenItsSuccessorDoesNot() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER);
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        DatagramSocket late = client.namespace().call(() -> new DatagramSocket())) {
      int port = Peers.ask(socket, server);
      SessionPlane next = stage.successor();
      stage.adopt(next, client.session());
      stage.vertx.run(
          () -> {
            stage.plane.freeze();
            next.thaw();
          });
      // It has worked for a while, and dies.
      int lateBefore = Peers.ask(late, server);
      stage.vertx.run(
          () -> {
            next.close();
            stage.plane.thaw();
            stage.plane.unshare();
          });
      assertThat(Peers.ask(socket, server)).isEqualTo(port);
      assertThat(Peers.ask(late, server)).isEqualTo(lateBefore).isNotEqualTo(port);
      assertThat(stage.counters().flows()).isEqualTo(2);
    }
  }

  @Test
  void packetsThatAFlowHasNoRoomForWaitAndAreHandedOver() throws IOException {
    List<Descriptor> pair = EgressStage.packetPair();
    Session session =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      Peers.send(pair.get(1), Peers.datagram(64, server.getLocalPort()));
      DatagramPacket came = Peers.receive(server);
      // Far more than net.unix.max_dgram_qlen, which is all that a flow has room for.
      for (int i = 0; i < MANY; i++) {
        server.send(new DatagramPacket(new byte[i], i, came.getSocketAddress()));
      }
      Await.until("one waits", () -> session.queue != HeldPackets.NONE);
      SessionPlane next = stage.successor();
      Session adopted = stage.adopt(next, session);
      stage.passTo(next);
      for (int i = 0; i < MANY; i++) {
        assertThat(Peers.packet(pair.get(1)).length()).isEqualTo(28 + i);
      }
      assertThat(adopted.packets().out()).isEqualTo(MANY);
      assertThat(adopted.packets().dropped()).isEmpty();
      assertThat(adopted.queue).isEqualTo(HeldPackets.NONE);
    }
    Descriptor.closeAll(pair);
  }

  @Test
  void endThatComesWhileAnotherMayHaveToGoOnWaits() {
    List<Descriptor> pair = EgressStage.packetPair();
    Session session =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    SessionPlane next = stage.successor();
    Session adopted = stage.adopt(next, session);
    pair.get(1).close();
    Await.until("it is noted", () -> session.record.reason() == EndReason.EOF);
    assertThat(stage.outcomes).isEmpty();
    stage.passTo(next);
    Await.until("the end", () -> !stage.outcomes.isEmpty());
    assertThat(stage.outcomes).hasSize(1);
    assertThat(stage.outcomes.get(0).reason()).isEqualTo(EndReason.EOF);
    assertThat(adopted.record.id()).isZero();
    pair.get(0).close();
  }

  @Test
  void connectionsWaitAfterACrashForWhoeverOpensTheirSessionAgain() throws IOException {
    Client named = stage.client(Mapping.PER_DESTINATION, MTU, "edge");
    Client nameless = stage.client(Mapping.PER_DESTINATION, MTU);
    try (ServerSocket listener = peers.listen(SERVER);
        DatagramSocket server = peers.bind(SERVER);
        DatagramSocket socket = named.namespace().call(() -> new DatagramSocket());
        DatagramSocket gone = nameless.namespace().call(() -> new DatagramSocket());
        Socket connected = Peers.connect(named, SERVER, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      int port = Peers.ask(socket, server);
      int lost = Peers.ask(gone, server);
      Peers.exchange(connected, accepted, 10_000);
      // The kernel has lost one of them, too.
      EgressStage.in(
          stage.middle, "conntrack -D -p tcp --orig-port-dst " + listener.getLocalPort());
      stage.crash();
      assertThat(stage.counters().lost()).isEqualTo(1);
      assertThat(EgressStage.in(stage.middle, "conntrack -L -m " + EgressStage.MARK))
          .contains("sport=" + socket.getLocalPort())
          .doesNotContain("dport=" + lost);
      Session again =
          stage.session(
              named.tun().descriptor().fd(), FlowKind.TUN, Mapping.PER_DESTINATION, MTU, "edge");
      assertThat(again.resumed()).isEqualTo(2);
      assertThat(stage.counters().lost()).isZero();
      Peers.exchange(connected, accepted, 200_000);
      Peers.exchange(accepted, connected, 200_000);
      assertThat(Peers.ask(socket, server)).isEqualTo(port);
      // What the nameless had rests.
      Session other =
          stage.session(
              nameless.tun().descriptor().fd(), FlowKind.TUN, Mapping.PER_DESTINATION, MTU);
      assertThat(Peers.ask(gone, server)).isNotIn(port, lost);
      assertThat(other.resumed()).isZero();
    }
  }

  /** Far beyond what fits into a window without its scale, both ways at once. */
  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void longTransfersGoOnAfterACrashThatLeftTheTablesOnly(String address) throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU, "edge");
    try (ServerSocket listener = peers.listen(address);
        Socket connected = Peers.connect(client, address, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      Transfer up = Transfer.begin(connected, accepted, LONG);
      Transfer down = Transfer.begin(accepted, connected, LONG);
      Await.until("windows are wide", () -> up.received() > LONG / 8 && down.received() > LONG / 8);
      stage.crash(
          () ->
              EgressStage.in(
                  stage.middle,
                  "conntrack -D -p tcp -m "
                      + EgressStage.MARK
                      + " -f ipv"
                      + (address.equals(SERVER) ? 4 : 6)));
      assertThat(up.received()).isLessThan(LONG);
      Session again =
          stage.session(
              client.tun().descriptor().fd(), FlowKind.TUN, Mapping.PER_DESTINATION, MTU, "edge");
      assertThat(again.resumed()).isEqualTo(1);
      up.join();
      down.join();
      assertThat(again.packets().dropped()).doesNotContainKeys("taken", "unknown-connection");
    }
  }

  @Test
  void whatNobodyOpensAgainEndsAndLeavesNothing() throws IOException {
    stage.graceNanos = 0;
    Client client = stage.client(Mapping.PER_DESTINATION, MTU, "edge");
    try (DatagramSocket server = peers.bind(SERVER);
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket())) {
      Peers.ask(socket, server);
      stage.crash();
      Await.until("nobody has come", () -> stage.counters().lost() == 0);
      assertThat(EgressStage.in(stage.middle, "conntrack -L -m " + EgressStage.MARK))
          .contains("0 flow entries");
      assertThat(stage.counters().flows()).isEqualTo(1);
    }
  }

  @Test
  void entriesWithoutATableGoAndTheirPortsRest() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU, "edge");
    try (DatagramSocket server = peers.bind(SERVER);
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket())) {
      int port = Peers.ask(socket, server);
      Tables.delete(stage.files);
      stage.crash();
      assertThat(EgressStage.in(stage.middle, "conntrack -L -m " + EgressStage.MARK))
          .contains("0 flow entries");
      assertThat(stage.counters().lost()).isZero();
      stage.session(
          client.tun().descriptor().fd(), FlowKind.TUN, Mapping.PER_DESTINATION, MTU, "edge");
      assertThat(Peers.ask(socket, server)).isNotEqualTo(port);
    }
  }
}
