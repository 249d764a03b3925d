package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.FIRST_PORT;
import static dev.oxbow.fish.session.EgressStage.LAST_PORT;
import static dev.oxbow.fish.session.EgressStage.OUTER;
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
import dev.oxbow.service.flow.FlowKind;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
@RequiresRoot
class EgressTrafficTest {
  private static final int PATIENCE_MS = 5_000;
  private static final int MTU = 1500;

  @TempDir Path directory;
  private EgressStage stage;

  @BeforeEach
  void open() {
    stage = new EgressStage(directory);
  }

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void connectionsLeaveFromTheSliceAndBytesGoBothWays() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    for (String address : List.of(SERVER, SERVER_6)) {
      try (ServerSocket listener = listen(address)) {
        Set<Integer> ports = new HashSet<>();
        for (int i = 0; i < 10; i++) {
          try (Socket socket = connect(client, address, listener.getLocalPort());
              Socket accepted = listener.accept()) {
            InetSocketAddress seen = (InetSocketAddress) accepted.getRemoteSocketAddress();
            assertThat(seen.getAddress())
                .isEqualTo(InetAddress.getByName(SERVER.equals(address) ? OUTER : "2001:db8:2::7"));
            assertThat(seen.getPort()).isBetween(FIRST_PORT, LAST_PORT);
            assertThat(ports.add(seen.getPort())).isTrue();
            exchange(socket, accepted, 200_000);
            exchange(accepted, socket, 200_000);
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
    try (ServerSocket listener = listen(SERVER)) {
      int port = listener.getLocalPort();
      try (Socket first = connect(one, SERVER, port, 4000);
          Socket acceptedFirst = listener.accept();
          Socket second = connect(two, SERVER, port, 4000);
          Socket acceptedSecond = listener.accept()) {
        assertThat(acceptedFirst.getPort()).isNotEqualTo(acceptedSecond.getPort());
        exchange(first, acceptedFirst, 1000);
        exchange(acceptedSecond, second, 1000);
        exchange(second, acceptedSecond, 1000);
        SessionPlane.Owner owner = lookup(acceptedSecond.getPort(), port);
        assertThat(owner.session()).isSameAs(two.session());
        assertThat(owner.client()).isEqualTo("10.0.0.2:4000");
      }
    }
  }

  @Test
  void sliceIsUsedToItsLastPortAndThenSomebodyIsTold() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = bind(SERVER);
        DatagramSocket other = bind("198.51.100.10")) {
      List<DatagramSocket> sockets = new ArrayList<>();
      Set<Integer> ports = new HashSet<>();
      for (int i = FIRST_PORT; i <= LAST_PORT; i++) {
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        sockets.add(socket);
        ports.add(ask(socket, server));
      }
      assertThat(ports).hasSize(LAST_PORT - FIRST_PORT + 1);
      assertThat(stage.exhausted).isEmpty();
      DatagramSocket late = client.namespace().call(() -> new DatagramSocket());
      sockets.add(late);
      late.send(packet("x", server));
      Await.until("told", () -> !stage.exhausted.isEmpty());
      assertThat(stage.exhausted).containsExactly(SERVER + ":" + server.getLocalPort());
      server.setSoTimeout(50);
      assertThatThrownBy(() -> server.receive(new DatagramPacket(new byte[9], 9)))
          .isInstanceOf(SocketTimeoutException.class);
      // The same ports serve another destination.
      assertThat(ask(late, other)).isBetween(FIRST_PORT, LAST_PORT);
      assertThat(dropped(client)).containsOnlyKeys("exhausted");
      sockets.forEach(DatagramSocket::close);
    }
  }

  @Test
  void endpointIndependentPortIsTheSameTowardAll() throws IOException {
    Client client = stage.client(Mapping.ENDPOINT_INDEPENDENT, MTU);
    try (DatagramSocket server = bind(SERVER);
        DatagramSocket other = bind("198.51.100.10");
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        DatagramSocket second = client.namespace().call(() -> new DatagramSocket())) {
      int port = ask(socket, server);
      assertThat(ask(socket, other)).isEqualTo(port);
      assertThat(ask(second, other)).isNotEqualTo(port);
      assertThat(ask(socket, server)).isEqualTo(port);
    }
  }

  @Test
  void portThatALocalProgramHasIsLeftToIt() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    EgressStage.in(stage.middle, "ip address add 203.0.113.7/32 dev lo");
    try (DatagramSocket server = bind(SERVER)) {
      List<DatagramSocket> locals = new ArrayList<>();
      for (int port = FIRST_PORT; port < FIRST_PORT + 50; port++) {
        int own = port;
        DatagramSocket local =
            stage.middle.call(
                () -> new DatagramSocket(new InetSocketAddress(InetAddress.getByName(OUTER), own)));
        local.send(packet("local", server));
        receive(server);
        locals.add(local);
      }
      Set<Integer> ports = new HashSet<>();
      List<DatagramSocket> sockets = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        sockets.add(socket);
        ports.add(ask(socket, server));
      }
      assertThat(ports).hasSize(50).allMatch(port -> port >= FIRST_PORT + 50);
      // The other way round: a program that takes what a client has is told, and not sent on.
      DatagramSocket late =
          stage.middle.call(
              () ->
                  new DatagramSocket(
                      new InetSocketAddress(
                          InetAddress.getByName(OUTER), ports.iterator().next())));
      locals.add(late);
      assertThatThrownBy(() -> late.send(packet("late", server))).hasMessageContaining("permitted");
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
                  .call(() -> InetAddress.getByName(address).isReachable(PATIENCE_MS)))
          .isTrue();
    }
    assertThatThrownBy(() -> connect(client, SERVER, 9)).hasMessageContaining("refused");
    try (DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        DatagramSocket server = bind(SERVER)) {
      String large = "large".repeat(1000);
      assertThat(ask(socket, server, large)).isBetween(FIRST_PORT, LAST_PORT);
      try (DatagramSocket server6 = bind(SERVER_6)) {
        assertThat(ask(socket, server6, large)).isBetween(FIRST_PORT, LAST_PORT);
      }
      socket.connect(InetAddress.getByName(SERVER), 9);
      socket.send(new DatagramPacket(new byte[1], 1));
      socket.setSoTimeout(PATIENCE_MS);
      assertThatThrownBy(() -> socket.receive(new DatagramPacket(new byte[1], 1)))
          .isInstanceOf(java.net.PortUnreachableException.class);
    }
    assertThat(dropped(client)).isEmpty();
  }

  @Test
  void samePortOfTheClientIsConnectedAgain() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (ServerSocket listener = listen(SERVER)) {
      int port = listener.getLocalPort();
      Set<Integer> ports = new HashSet<>();
      for (int i = 0; i < 3; i++) {
        try (Socket socket = connectAgain(client, port)) {
          try (Socket accepted = listener.accept()) {
            exchange(socket, accepted, 1000);
            ports.add(accepted.getPort());
          }
          // The server has ended first, so that the client's port is free at once.
          assertThat(socket.getInputStream().read()).isEqualTo(-1);
        }
      }
      assertThat(ports).hasSize(1);
    }
  }

  /** As soon as the client's kernel has seen the end of the connection before. */
  private static Socket connectAgain(Client client, int port) {
    List<Socket> connected = new ArrayList<>();
    Await.until(
        "the port is free",
        () -> {
          try {
            return connected.add(connect(client, SERVER, port, 4001));
          } catch (IllegalStateException e) {
            assertThat(e).hasMessageContaining("assign requested address");
            return false;
          }
        });
    return connected.get(0);
  }

  @Test
  void connectionGoesOnWhenTheKernelHasLostItsEntry() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (ServerSocket listener = listen(SERVER);
        Socket socket = connect(client, SERVER, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      exchange(socket, accepted, 100_000);
      EgressStage.in(stage.middle, "conntrack -F");
      exchange(socket, accepted, 100_000);
      exchange(accepted, socket, 100_000);
    }
  }

  @Test
  void endOfSessionLeavesNoEntryAndGivesTheFlowBack() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = bind(SERVER);
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket())) {
      ask(socket, server);
      assertThat(stage.counters().flows()).isEqualTo(1);
      stage.end(client.session());
      Await.until("the end", () -> !stage.outcomes.isEmpty());
      SessionOutcome outcome = stage.outcomes.get(0);
      assertThat(outcome.reason()).isEqualTo(EndReason.ABORTED);
      assertThat(outcome.packets().in()).isPositive();
      assertThat(outcome.packets().out()).isPositive();
      assertThat(EgressStage.in(stage.middle, "conntrack -L -m " + EgressStage.MARK))
          .contains("0 flow entries");
      // Its port rests.
      assertThat(stage.counters().flows()).isEqualTo(1);
      assertThat(client.tun().descriptor().isOpen()).isTrue();
    }
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

  private ServerSocket listen(String address) throws IOException {
    ServerSocket listener =
        stage.server.call(() -> new ServerSocket(0, 50, InetAddress.getByName(address)));
    listener.setSoTimeout(PATIENCE_MS);
    return listener;
  }

  private DatagramSocket bind(String address) throws IOException {
    DatagramSocket socket =
        stage.server.call(
            () -> new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), 0)));
    socket.setSoTimeout(PATIENCE_MS);
    return socket;
  }

  private static Socket connect(Client client, String address, int port) {
    return connect(client, address, port, 0);
  }

  private static Socket connect(Client client, String address, int port, int own) {
    try {
      return client
          .namespace()
          .call(
              () -> {
                Socket socket = new Socket();
                try {
                  socket.setReuseAddress(true);
                  socket.bind(own == 0 ? null : new InetSocketAddress("10.0.0.2", own));
                  socket.connect(new InetSocketAddress(address, port), PATIENCE_MS);
                  socket.setSoTimeout(PATIENCE_MS);
                  return socket;
                } catch (IOException e) {
                  socket.close();
                  throw e;
                }
              });
    } catch (java.util.concurrent.CompletionException e) {
      throw new IllegalStateException(e.getCause().getMessage(), e);
    }
  }

  /** Asks a server and has its answer; the port that it saw. */
  private static int ask(DatagramSocket socket, DatagramSocket server) throws IOException {
    return ask(socket, server, "ask " + socket.getLocalPort());
  }

  private static int ask(DatagramSocket socket, DatagramSocket server, String text)
      throws IOException {
    socket.send(packet(text, server));
    DatagramPacket asked = receive(server);
    assertThat(new String(asked.getData(), 0, asked.getLength(), "US-ASCII")).isEqualTo(text);
    boolean four = server.getLocalAddress() instanceof Inet4Address;
    assertThat(asked.getAddress()).isEqualTo(InetAddress.getByName(four ? OUTER : "2001:db8:2::7"));
    server.send(new DatagramPacket(asked.getData(), asked.getLength(), asked.getSocketAddress()));
    socket.setSoTimeout(PATIENCE_MS);
    DatagramPacket answer = receive(socket);
    assertThat(answer.getLength()).isEqualTo(text.length());
    return asked.getPort();
  }

  private static DatagramPacket packet(String text, DatagramSocket to) {
    byte[] bytes = text.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    return new DatagramPacket(bytes, bytes.length, to.getLocalSocketAddress());
  }

  private static DatagramPacket receive(DatagramSocket socket) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[9000], 9000);
    socket.receive(packet);
    return packet;
  }

  private static void exchange(Socket from, Socket to, int bytes) throws IOException {
    byte[] sent = new byte[bytes];
    new Random(bytes).nextBytes(sent);
    to.setSoTimeout(PATIENCE_MS);
    CompletableFuture<byte[]> received =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return to.getInputStream().readNBytes(bytes);
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    from.getOutputStream().write(sent);
    assertThat(Arrays.equals(received.join(), sent)).isTrue();
  }
}
