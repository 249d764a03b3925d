package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.FIRST_PORT;
import static dev.oxbow.fish.session.EgressStage.LAST_PORT;
import static dev.oxbow.fish.session.EgressStage.OUTER;
import static dev.oxbow.fish.session.EgressStage.OUTER_6;
import static dev.oxbow.fish.session.EgressStage.SERVER;
import static dev.oxbow.fish.session.EgressStage.SERVER_6;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage.Client;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowOutcome;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
@RequiresRoot
class EgressTrafficTest {
  private static final int MTU = 1500;

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
  void connectionsLeaveFromTheSliceAndBytesGoBothWays() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    for (String address : List.of(SERVER, SERVER_6)) {
      try (ServerSocket listener = peers.listen(address)) {
        Set<Integer> ports = new HashSet<>();
        for (int i = 0; i < 10; i++) {
          try (Socket socket = Peers.connect(client, address, listener.getLocalPort());
              Socket accepted = listener.accept()) {
            InetSocketAddress seen = (InetSocketAddress) accepted.getRemoteSocketAddress();
            assertThat(seen.getAddress())
                .isEqualTo(InetAddress.getByName(SERVER.equals(address) ? OUTER : OUTER_6));
            assertThat(seen.getPort()).isBetween(FIRST_PORT, LAST_PORT);
            assertThat(ports.add(seen.getPort())).isTrue();
            Peers.exchange(socket, accepted, 200_000);
            Peers.exchange(accepted, socket, 200_000);
          }
        }
      }
    }
    assertThat(dropped(client)).isEmpty();
  }

  /** Without what the kernel of the client says to its link of its own accord. */
  private static Map<String, Long> dropped(Client client) {
    Map<String, Long> dropped = new HashMap<>(client.session().packets().dropped());
    dropped.remove("protocol");
    return dropped;
  }

  @Test
  void clientsWithEqualAddressesNeverMeet() throws IOException {
    Client one = stage.client(Mapping.PER_DESTINATION, MTU);
    Client two = stage.client(Mapping.PER_DESTINATION, MTU);
    try (ServerSocket listener = peers.listen(SERVER)) {
      int port = listener.getLocalPort();
      try (Socket first = Peers.connect(one, SERVER, port, 4000);
          Socket acceptedFirst = listener.accept();
          Socket second = Peers.connect(two, SERVER, port, 4000);
          Socket acceptedSecond = listener.accept()) {
        assertThat(acceptedFirst.getPort()).isNotEqualTo(acceptedSecond.getPort());
        Peers.exchange(first, acceptedFirst, 1000);
        Peers.exchange(acceptedSecond, second, 1000);
        Peers.exchange(second, acceptedSecond, 1000);
        SessionPlane.Owner owner = lookup(acceptedSecond.getPort(), port);
        assertThat(owner.session()).isSameAs(two.session());
        assertThat(owner.client()).isEqualTo("10.0.0.2:4000");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void sliceIsUsedToItsLastPortAndThenSomebodyIsTold(String address) throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(address);
        DatagramSocket other = peers.bind(other(address))) {
      List<DatagramSocket> sockets = new ArrayList<>();
      Set<Integer> ports = new HashSet<>();
      for (int i = FIRST_PORT; i <= LAST_PORT; i++) {
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        sockets.add(socket);
        ports.add(Peers.ask(socket, server));
      }
      assertThat(ports).hasSize(LAST_PORT - FIRST_PORT + 1);
      assertThat(stage.exhausted).isEmpty();
      DatagramSocket late = client.namespace().call(() -> new DatagramSocket());
      sockets.add(late);
      late.send(Peers.packet("x", server));
      Await.until("told", () -> !stage.exhausted.isEmpty());
      assertThat(stage.exhausted)
          .containsExactly(
              (address.equals(SERVER) ? SERVER : "[" + SERVER_6 + "]")
                  + ":"
                  + server.getLocalPort());
      server.setSoTimeout(50);
      assertThatThrownBy(() -> server.receive(new DatagramPacket(new byte[9], 9)))
          .isInstanceOf(SocketTimeoutException.class);
      // The same ports serve another destination.
      assertThat(Peers.ask(late, other)).isBetween(FIRST_PORT, LAST_PORT);
      assertThat(dropped(client)).containsOnlyKeys("exhausted");
      sockets.forEach(DatagramSocket::close);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void endpointIndependentPortIsTheSameTowardAll(String address) throws IOException {
    Client client = stage.client(Mapping.ENDPOINT_INDEPENDENT, MTU);
    try (DatagramSocket server = peers.bind(address);
        DatagramSocket other = peers.bind(other(address));
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        DatagramSocket second = client.namespace().call(() -> new DatagramSocket())) {
      int port = Peers.ask(socket, server);
      assertThat(Peers.ask(socket, other)).isEqualTo(port);
      assertThat(Peers.ask(second, other)).isNotEqualTo(port);
      assertThat(Peers.ask(socket, server)).isEqualTo(port);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void portThatALocalProgramHasIsLeftToIt(String address) throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    String outer = address.equals(SERVER) ? OUTER : OUTER_6;
    EgressStage.in(
        stage.middle,
        "ip address add 203.0.113.7/32 dev lo",
        "ip address add 2001:db8:2::7/128 dev lo");
    try (DatagramSocket server = peers.bind(address)) {
      List<DatagramSocket> locals = new ArrayList<>();
      for (int port = FIRST_PORT; port < FIRST_PORT + 50; port++) {
        int own = port;
        DatagramSocket local =
            stage.middle.call(
                () -> new DatagramSocket(new InetSocketAddress(InetAddress.getByName(outer), own)));
        local.send(Peers.packet("local", server));
        Peers.receive(server);
        locals.add(local);
      }
      Set<Integer> ports = new HashSet<>();
      List<DatagramSocket> sockets = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        sockets.add(socket);
        ports.add(Peers.ask(socket, server));
      }
      assertThat(ports).hasSize(50).allMatch(port -> port >= FIRST_PORT + 50);
      // The other way round: a program that takes what a client has is told, and not sent on.
      DatagramSocket late =
          stage.middle.call(
              () ->
                  new DatagramSocket(
                      new InetSocketAddress(
                          InetAddress.getByName(outer), ports.iterator().next())));
      locals.add(late);
      assertThatThrownBy(() -> late.send(Peers.packet("late", server)))
          .hasMessageContaining("permitted");
      locals.forEach(DatagramSocket::close);
      sockets.forEach(DatagramSocket::close);
    }
  }

  @Test
  void echoesErrorsAndFragmentsPass() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    for (String address : List.of(SERVER, SERVER_6)) {
      // As root, this is an ICMP echo.
      assertThat(
              client
                  .namespace()
                  .call(() -> InetAddress.getByName(address).isReachable(Peers.PATIENCE_MS)))
          .isTrue();
    }
    assertThatThrownBy(() -> Peers.connect(client, SERVER, 9)).hasMessageContaining("refused");
    try (DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        DatagramSocket server = peers.bind(SERVER)) {
      String large = "large".repeat(1000);
      assertThat(Peers.ask(socket, server, large)).isBetween(FIRST_PORT, LAST_PORT);
      try (DatagramSocket server6 = peers.bind(SERVER_6)) {
        assertThat(Peers.ask(socket, server6, large)).isBetween(FIRST_PORT, LAST_PORT);
      }
      socket.connect(InetAddress.getByName(SERVER), 9);
      socket.send(new DatagramPacket(new byte[1], 1));
      socket.setSoTimeout(Peers.PATIENCE_MS);
      assertThatThrownBy(() -> socket.receive(new DatagramPacket(new byte[1], 1)))
          .isInstanceOf(java.net.PortUnreachableException.class);
    }
    assertThat(dropped(client)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void samePortOfTheClientIsConnectedAgain(String address) throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (ServerSocket listener = peers.listen(address)) {
      int port = listener.getLocalPort();
      Set<Integer> ports = new HashSet<>();
      for (int i = 0; i < 3; i++) {
        try (Socket socket = connectAgain(client, address, port)) {
          try (Socket accepted = listener.accept()) {
            Peers.exchange(socket, accepted, 1000);
            ports.add(accepted.getPort());
          }
          // The server has ended first, so that the client's port is free at once.
          assertThat(socket.getInputStream().read()).isEqualTo(-1);
        }
      }
      assertThat(ports).hasSize(1);
    }
  }

  private static String other(String address) {
    return address.equals(SERVER) ? "198.51.100.10" : "fd99::10";
  }

  /** As soon as the client's kernel has seen the end of the connection before. */
  private static Socket connectAgain(Client client, String address, int port) {
    List<Socket> connected = new ArrayList<>();
    Await.until(
        "the port is free",
        () -> {
          try {
            return connected.add(Peers.connect(client, address, port, 4001));
          } catch (IllegalStateException e) {
            assertThat(e).hasMessageContaining("assign requested address");
            return false;
          }
        });
    return connected.get(0);
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void connectionGoesOnWhenTheKernelHasLostItsEntry(String address) throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (ServerSocket listener = peers.listen(address);
        Socket socket = Peers.connect(client, address, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      Peers.exchange(socket, accepted, 100_000);
      EgressStage.in(stage.middle, "conntrack -F", "conntrack -F -f ipv6");
      Peers.exchange(socket, accepted, 100_000);
      Peers.exchange(accepted, socket, 100_000);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void endOfSessionLeavesNoEntryAndGivesTheFlowBack(String address) throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(address);
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket())) {
      Peers.ask(socket, server);
      assertThat(stage.counters().flows()).isEqualTo(1);
      stage.end(client.session());
      Await.until("the end", () -> !stage.outcomes.isEmpty());
      FlowOutcome outcome = stage.outcomes.get(0);
      assertThat(outcome.reason()).isEqualTo(EndReason.ABORTED);
      assertThat(outcome.packets().in()).isPositive();
      assertThat(outcome.packets().out()).isPositive();
      assertThat(
              EgressStage.in(
                  stage.middle,
                  "conntrack -L -m "
                      + EgressStage.MARK
                      + " -f ipv"
                      + (address.equals(SERVER) ? 4 : 6)))
          .contains("0 flow entries");
      // Its port rests.
      assertThat(stage.counters().flows()).isEqualTo(1);
      assertThat(client.tun().descriptor().isOpen()).isTrue();
    }
  }

  /** As while an upgrade pauses it. */
  @Test
  void burstWaitsInTheQueueOfTheDeviceWhileFishHasNoTurn() throws IOException {
    int burst = 9_000;
    List<Descriptor> pair = EgressStage.packetPair();
    Session session =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      Peers.send(pair.get(1), Peers.datagram(64, server.getLocalPort()));
      DatagramPacket came = Peers.receive(server);
      stage.vertx.call(
          () -> {
            for (int i = 0; i < burst; i++) {
              server.send(new DatagramPacket(new byte[20], 20, came.getSocketAddress()));
            }
            return true;
          });
    }
    Await.until("all came", () -> stage.vertx.<Long>call(() -> known(session)) == burst);
    assertThat(stage.middle.<Long>call(stage.network::dropped)).isZero();
    Descriptor.closeAll(pair);
  }

  /** Packets for the client that went, were dropped, or wait. */
  private long known(Session session) {
    int waiting = stage.tables.held().count(session);
    return session.packets().out() + session.packets().droppedInAll() + waiting;
  }

  @Test
  void endOfTheFlowEndsTheSession() {
    List<Descriptor> pair = EgressStage.packetPair();
    stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    pair.get(1).close();
    Await.until("the end", () -> !stage.outcomes.isEmpty());
    assertThat(stage.outcomes.get(0).reason()).isEqualTo(EndReason.EOF);
    pair.get(0).close();
  }

  private SessionPlane.Owner lookup(int outerPort, int serverPort) {
    return stage.vertx.call(
        () ->
            stage.plane.lookup(
                IpProtocol.TCP, 0, stage.slice.low(), outerPort, 0, 0xffff_c633_6409L, serverPort));
  }
}
