package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.FIRST_PORT;
import static dev.oxbow.fish.session.EgressStage.LAST_PORT;
import static dev.oxbow.fish.session.EgressStage.OUTER;
import static dev.oxbow.fish.session.EgressStage.OUTER_6;
import static dev.oxbow.fish.session.EgressStage.SERVER;
import static dev.oxbow.fish.session.EgressStage.SERVER_6;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IcmpError;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage.Client;
import dev.oxbow.service.flow.FlowKind;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the kernel does behind one's back, and what networks do. */
@DescriptorLeaks
@RequiresRoot
class EgressTrapsTest {
  private static final int MTU = 1500;

  /** Far more events than a small buffer has room for. */
  private static final int MANY = 1_000;

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
  void twoInOneNamespaceCarryBesideOneAnother() throws IOException {
    Client one = stage.client(Mapping.PER_DESTINATION, MTU);
    for (String address : List.of(SERVER, SERVER_6)) {
      try (ServerSocket listener = peers.listen(address);
          Socket first = Peers.connect(one, address, listener.getLocalPort());
          Socket firstAccepted = listener.accept()) {
        assertThat(firstAccepted.getPort()).isBetween(FIRST_PORT, LAST_PORT);
        try (EgressStage beside = new EgressStage(directory, stage)) {
          Client two = beside.client(Mapping.PER_DESTINATION, MTU);
          try (Socket second = Peers.connect(two, address, listener.getLocalPort());
              Socket secondAccepted = listener.accept()) {
            assertThat(secondAccepted.getPort())
                .isBetween(beside.slice.first(), beside.slice.last());
            Peers.exchange(first, firstAccepted, 100_000);
            Peers.exchange(second, secondAccepted, 100_000);
            beside.crash();
            Peers.exchange(firstAccepted, first, 100_000);
          }
        }
        Tables.delete(directory.resolve("fish1"));
        // The other one has put back nothing that this one needs.
        Peers.exchange(firstAccepted, first, 100_000);
        try (Socket later = Peers.connect(one, address, listener.getLocalPort());
            Socket laterAccepted = listener.accept()) {
          Peers.exchange(later, laterAccepted, 1_000);
        }
      }
    }
  }

  /** Not even to whoever knows its inner address. */
  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void neighboursReachNoClientThatHasNotAsked(String address) throws IOException {
    boolean four = address.equals(SERVER);
    List<Descriptor> pair = EgressStage.packetPair();
    Session session =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    EgressStage.in(
        stage.server,
        "ip route add 100.64.0.0/10 via 198.51.100.1",
        "ip -6 route add fd6f:7862:6f77::/64 via fd99::1",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    InetAddress inner = InetAddress.getByName(four ? "100.64.0.1" : "fd6f:7862:6f77::1");
    try (Tun behind = EgressStage.clientTun(stage.server, MTU);
        DatagramSocket server = peers.bind(address);
        DatagramSocket local = stage.middle.call(() -> new DatagramSocket())) {
      byte[] packet = Packets.udp(Packets.client(address), 5000, address, server.getLocalPort(), 4);
      Peers.send(pair.get(1), packet);
      DatagramPacket came = Peers.receive(server);
      server.send(new DatagramPacket(new byte[1], 1, inner, 5000));
      assertThatThrownBy(() -> local.send(new DatagramPacket(new byte[2], 2, inner, 5000)))
          .hasMessageContaining("permitted");
      // Without flags it is of no connection, for the kernel.
      String neighbour = four ? "198.51.100.20" : "fd99::20";
      byte[] invalid = Packets.tcp(neighbour, 5000, inner.getHostAddress(), 5000, 0);
      Peers.send(behind.descriptor(), invalid);
      // What it asked for comes, behind those.
      server.send(new DatagramPacket(new byte[7], 7, came.getSocketAddress()));
      assertThat(Peers.packet(pair.get(1)).length()).isEqualTo((four ? 28 : 48) + 7);
      assertThat(session.packets().out()).isEqualTo(1);
      String rules = EgressStage.in(stage.middle, "nft list chain inet oxbow_fish0 fw");
      assertThat(rules).contains("oifname \"fish0\" counter packets 2 bytes");
    }
    Descriptor.closeAll(pair);
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void portRestsForTwoMinutesBeforeAnybodyElseHasIt(String address) throws IOException {
    Client first = stage.client(Mapping.PER_DESTINATION, MTU);
    Client second = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(address)) {
      Set<Integer> rested = new HashSet<>();
      try (DatagramSocket socket = first.namespace().call(() -> new DatagramSocket())) {
        rested.add(Peers.ask(socket, server));
      }
      stage.end(first.session());
      Await.until("the end", () -> !stage.outcomes.isEmpty());
      // Open until the end: a port of the client's that came twice would be no new connection.
      List<DatagramSocket> others = new ArrayList<>();
      for (int i = FIRST_PORT; i < LAST_PORT; i++) {
        DatagramSocket socket = second.namespace().call(() -> new DatagramSocket());
        others.add(socket);
        assertThat(Peers.ask(socket, server)).isNotIn(rested);
      }
      try (DatagramSocket last = second.namespace().call(() -> new DatagramSocket())) {
        last.send(Peers.packet("x", server));
        Await.until("no other is left", () -> !stage.exhausted.isEmpty());
        stage.later(TimeUnit.SECONDS.toNanos(119));
        Await.until("all was looked at", () -> stage.counters().resting() == 1);
        stage.later(TimeUnit.SECONDS.toNanos(2));
        Await.until("it has rested", () -> stage.counters().resting() == 0);
        assertThat(Peers.ask(last, server)).isIn(rested);
      }
      others.forEach(DatagramSocket::close);
    }
  }

  @Test
  void eventsThatWereMissedAreMadeUpFor() throws IOException {
    stage.bufferBytes = 32 << 10;
    stage.passTo(stage.successor());
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (ServerSocket listener = peers.listen(SERVER);
        Socket socket = Peers.connect(client, SERVER, listener.getLocalPort());
        Socket accepted = listener.accept();
        Conntrack others = stage.middle.call(() -> Conntrack.open(EgressStage.MARK + 1))) {
      Peers.exchange(socket, accepted, 10_000);
      stage.vertx.run(
          () -> {
            // While the loop is busy here it does not read events.
            fill(others);
            EgressStage.in(stage.middle, "conntrack -F");
          });
      Peers.exchange(socket, accepted, 100_000);
      Peers.exchange(accepted, socket, 100_000);
      assertThat(stage.counters().eventOverruns()).isPositive();
      assertThat(stage.counters().overruns()).isZero();
    }
  }

  private static void fill(Conntrack others) {
    ConntrackTuple tuple = new ConntrackTuple();
    Conntrack.Outcomes made =
        new Conntrack.Outcomes() {
          @Override
          public void inserted(int flow, int errno) {
            assertThat(errno).isZero();
          }

          @Override
          public void deleted(int flow, int errno) {
            throw new AssertionError("nothing was deleted");
          }
        };
    for (int i = 0; i < MANY; i++) {
      tuple
          .of(4, IpProtocol.UDP)
          .source(0, 0xffff_0a01_0000L + i, 1)
          .destination(0, 0xffff_0a02_0001L, 2);
      others.insert(0, tuple, 0, 0xffff_0a03_0000L + i, 3, 60, null);
      if (others.isFull()) {
        others.send(made);
      }
    }
    others.send(made);
  }

  @Test
  void narrowLinkIsFoundOutBothWays() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    EgressStage.in(stage.middle, "ip link set out0 mtu 1300");
    // A veth drops what its peer sends alone and is longer than it takes, and says nothing. So the
    // server begins with short ones: to find out after losses only would take it many seconds.
    EgressStage.in(stage.server, "echo 2 > /proc/sys/net/ipv4/tcp_mtu_probing");
    for (String address : List.of(SERVER, SERVER_6)) {
      try (ServerSocket listener = peers.listen(address);
          Socket socket = Peers.connect(client, address, listener.getLocalPort());
          Socket accepted = listener.accept()) {
        Peers.exchange(socket, accepted, 300_000);
        Peers.exchange(accepted, socket, 300_000);
      }
    }
  }

  @Test
  void connectionGoesOnWhoseScalesNobodyKnows() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    for (String address : List.of(SERVER, SERVER_6)) {
      try (ServerSocket listener = peers.listen(address);
          Socket socket = Peers.connect(client, address, listener.getLocalPort());
          Socket accepted = listener.accept()) {
        Peers.exchange(socket, accepted, 10_000);
        stage.vertx.run(
            () -> {
              FlowTable flows = stage.tables.flows();
              for (int flow = 0; flow < flows.capacity(); flow++) {
                flows.setScaleClient(flow, -1);
              }
            });
        EgressStage.in(stage.middle, "conntrack -F");
        Peers.exchange(socket, accepted, 300_000);
        Peers.exchange(accepted, socket, 300_000);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void strayPacketMakesNoEntryThatStandsInTheWay(String address) throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    String outer = address.equals(SERVER) ? OUTER : OUTER_6;
    try (DatagramSocket server = peers.bind(address)) {
      for (int port = FIRST_PORT; port <= LAST_PORT; port++) {
        server.send(
            new DatagramPacket(
                new byte[1], 1, new InetSocketAddress(InetAddress.getByName(outer), port)));
      }
      assertThat(EgressStage.in(stage.middle, "conntrack -L", "conntrack -L -f ipv6"))
          .doesNotContain("src=");
      try (DatagramSocket socket = client.namespace().call(() -> new DatagramSocket())) {
        assertThat(Peers.ask(socket, server)).isBetween(FIRST_PORT, LAST_PORT);
      }
    }
  }

  @Test
  void datagramWithoutChecksumPasses() throws IOException {
    List<Descriptor> pair = EgressStage.packetPair();
    stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      Peers.send(pair.get(1), Peers.datagram(64, server.getLocalPort()));
      DatagramPacket came = Peers.receive(server);
      assertThat(came.getLength()).isEqualTo(4);
      assertThat(came.getAddress()).isEqualTo(InetAddress.getByName(OUTER));
      server.send(new DatagramPacket(new byte[7], 7, came.getSocketAddress()));
      PacketView answer = Peers.packet(pair.get(1));
      assertThat(answer.protocol()).isEqualTo(IpProtocol.UDP);
      assertThat(answer.destinationPort()).isEqualTo(5000);
      assertThat(Checksum.transportValid(answer)).isTrue();
    }
    Descriptor.closeAll(pair);
  }

  /** The packet that an error quotes is the client's own again. */
  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void hopsOnTheWayAndClosedPortsAreSeen(String address) {
    List<Descriptor> pair = EgressStage.packetPair();
    stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    String client = Packets.client(address);
    for (int hops : new int[] {1, 64}) {
      byte[] packet = Packets.udp(client, 5000, address, 9, 4);
      packet[address.equals(SERVER) ? 8 : 7] = (byte) hops;
      if (address.equals(SERVER)) {
        Checksum.fillHeader(java.nio.ByteBuffer.wrap(packet), 0);
      }
      Peers.send(pair.get(1), packet);
      PacketView error = Peers.packet(pair.get(1));
      IcmpError expected = hops == 1 ? IcmpError.TIME_EXCEEDED : IcmpError.PORT_UNREACHABLE;
      assertThat(expected.is(error)).isTrue();
      assertThat(Checksum.transportValid(error)).isTrue();
      PacketView about = new PacketView();
      assertThat(error.quoted(about)).isNull();
      PacketView sent = new PacketView();
      assertThat(sent.parse(java.nio.ByteBuffer.wrap(packet), 0, packet.length)).isNull();
      assertThat(about.sourceHigh()).isEqualTo(sent.sourceHigh());
      assertThat(about.sourceLow()).isEqualTo(sent.sourceLow());
      assertThat(about.sourcePort()).isEqualTo(5000);
      assertThat(about.destinationLow()).isEqualTo(sent.destinationLow());
    }
    Descriptor.closeAll(pair);
  }

  /** An error of the client's about what a server has sent reaches that server's socket. */
  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void errorsOfClientsReachWhomTheyAreAbout(String address) throws IOException {
    List<Descriptor> pair = EgressStage.packetPair();
    stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    String client = Packets.client(address);
    try (DatagramSocket server = peers.bind(address)) {
      int port = server.getLocalPort();
      Peers.send(pair.get(1), Packets.udp(client, 5000, address, port, 4));
      DatagramPacket came = Peers.receive(server);
      server.connect(came.getSocketAddress());
      server.send(new DatagramPacket(new byte[3], 3));
      assertThat(Peers.packet(pair.get(1)).destinationPort()).isEqualTo(5000);
      byte[] about = Packets.udp(address, port, client, 5000, 3);
      Peers.send(pair.get(1), Packets.unreachable(client, address, about));
      assertThatThrownBy(() -> Peers.receive(server))
          .isInstanceOf(java.net.PortUnreachableException.class);
    }
    Descriptor.closeAll(pair);
  }
}
