package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.FIRST_PORT;
import static dev.oxbow.fish.session.EgressStage.LAST_PORT;
import static dev.oxbow.fish.session.EgressStage.SERVER;
import static dev.oxbow.fish.session.EgressStage.SERVER_6;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.ip.IcmpError;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.session.EgressStage.Client;
import dev.oxbow.service.flow.FlowKind;
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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Packets that go no further: each is counted, and whoever can learn from it is told. */
@DescriptorLeaks
@RequiresRoot
class EgressRefusalsTest {
  private static final int MTU = 1500;
  private static final int SHUT_RD = 0;

  @TempDir Path directory;
  private EgressStage stage;
  private Peers peers;
  private List<Descriptor> pair;

  @BeforeEach
  void open() {
    stage = new EgressStage(directory);
    peers = new Peers(stage);
    pair = EgressStage.packetPair();
  }

  @AfterEach
  void close() {
    stage.close();
    Descriptor.closeAll(pair);
  }

  private Session session() {
    return stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
  }

  /** A session with so many ports of one family only. */
  private Session session(String server, int ports) {
    List<SessionSpec.Range> egress =
        List.of(new SessionSpec.Range(slice(server), FIRST_PORT, FIRST_PORT + ports - 1));
    return stage.session(
        pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU, null, egress);
  }

  private PortSlice slice(String server) {
    return server.equals(SERVER) ? stage.slice : stage.slice6;
  }

  private void send(byte[] packet) {
    Peers.send(pair.get(1), packet);
  }

  private void requirePacket(IcmpError error) {
    PacketView packet = Peers.packet(pair.get(1));
    assertThat(error.is(packet)).as("type %d", packet.icmpType()).isTrue();
  }

  private void requireDropped(Session session, Map<String, Long> expected) {
    Await.until("all is counted", () -> session.packets().dropped().equals(expected));
    assertThat(Syscalls.bytesWaiting(pair.get(1).fd())).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void whatIsNoPacketOfAConnectionIsCounted(String server) {
    Session session = session();
    String client = Packets.client(server);
    byte[] good = Packets.udp(client, 5000, server, 9, 4);
    send(java.util.Arrays.copyOf(good, 19));
    send(Packets.udp(client, 5000, server.equals(SERVER) ? "224.0.0.9" : "ff02::9", 9, 4));
    send(Packets.unreachable(client, server, Packets.udp(server, 9, client, 5000, 4)));
    send(Packets.udp(client, 5000, server, 9, MTU));
    send(Packets.fragment(client, server, 0, true));
    send(Packets.fragment(client, server, 8, true));
    Await.until("all is counted", () -> session.packets().dropped().size() == 5);
    // Of what overlaps, nothing is used.
    assertThat(session.packets().dropped())
        .containsEntry("malformed", 1L)
        .containsEntry("protocol", 1L)
        .containsEntry("unknown-connection", 1L)
        .containsEntry("too-long", 1L)
        .containsEntry("fragment", 2L);
    assertThat(Syscalls.bytesWaiting(pair.get(1).fd())).isZero();
    send(Packets.tcp(client, 5000, server, 9, Packets.TCP_ACK));
    PacketView reset = Peers.packet(pair.get(1));
    assertThat(TcpHeader.flags(reset) & TcpHeader.RST).isNotZero();
    send(Packets.ip(client, server, 132, 64, new byte[12]));
    requirePacket(IcmpError.PROHIBITED);
    assertThat(session.packets().dropped())
        .containsEntry("unknown-connection", 2L)
        .containsEntry("protocol", 2L);
    assertThat(session.packets().in()).isEqualTo(8);
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void whoeverGetsNoPortIsToldButNotTooOften(String server) throws IOException {
    Session session = session(server, 1);
    String other = server.equals(SERVER) ? SERVER_6 : SERVER;
    send(Packets.udp(Packets.client(other), 5000, other, 9, 4));
    requirePacket(IcmpError.PROHIBITED);
    requireDropped(session, Map.of("no-address", 1L));
    try (DatagramSocket listening = peers.bind(server)) {
      int port = listening.getLocalPort();
      String client = Packets.client(server);
      send(Packets.udp(client, 5000, server, port, 4));
      assertThat(Peers.receive(listening).getPort()).isEqualTo(FIRST_PORT);
      assertThat(stage.exhausted).isEmpty();
      int answers = 0;
      long began = System.nanoTime();
      for (int i = 1; i <= 500; i++) {
        send(Packets.udp(client, 5000 + i, server, port, 4));
        while (Syscalls.bytesWaiting(pair.get(1).fd()) > 0) {
          requirePacket(IcmpError.PROHIBITED);
          answers++;
        }
      }
      Await.until("all", () -> session.packets().dropped().getOrDefault("exhausted", 0L) == 500);
      for (; Syscalls.bytesWaiting(pair.get(1).fd()) > 0; answers++) {
        requirePacket(IcmpError.PROHIBITED);
      }
      long tenths = (System.nanoTime() - began) / 100_000_000;
      assertThat((long) answers).isBetween(9L, 10 * (tenths + 1));
      assertThat(stage.exhausted).isNotEmpty();
      assertThat(session.packets().dropped()).containsOnlyKeys("no-address", "exhausted");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void clientsBeyondTheTableAreCountedAsThat(String server) {
    Session session = session();
    String client = server.equals(SERVER) ? "10.1.%d.%d" : "fd01::%d:%d";
    int port = 999;
    for (int i = 0; i < 1000; i++) {
      port = 1000 + i / 50;
      send(Packets.udp(client.formatted(i / 100, 1 + i % 100), 5000, server, port, 0));
      drain();
    }
    Await.until("all have one", () -> stage.counters().clients() >= 999);
    drain();
    send(Packets.udp(client.formatted(99, 99), 5000, server, port, 0));
    Await.until("full", () -> session.packets().dropped().containsKey("table-full"));
    assertThat(session.packets().dropped()).containsOnlyKeys("table-full");
    PacketView answer = Peers.packet(pair.get(1));
    while (!IcmpError.PROHIBITED.is(answer)) {
      answer = Peers.packet(pair.get(1));
    }
  }

  /** Whatever the server says meanwhile. */
  private void drain() {
    while (Syscalls.bytesWaiting(pair.get(1).fd()) > 0) {
      Peers.packet(pair.get(1));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void whatTheKernelOrTheFlowRefusesIsCounted(String server) throws IOException {
    Session session = session();
    String client = Packets.client(server);
    try (DatagramSocket listening = peers.bind(server)) {
      byte[] packet = Packets.udp(client, 5000, server, listening.getLocalPort(), 4);
      send(packet);
      DatagramPacket came = Peers.receive(listening);
      EgressStage.in(stage.middle, "ip link set fish0 down");
      send(packet);
      requireDropped(session, Map.of("kernel-refused", 1L));
      EgressStage.in(
          stage.middle,
          "ip link set fish0 up",
          "ip route replace 100.64.0.0/10 dev fish0",
          "ip -6 route replace fd6f:7862:6f77::/64 dev fish0");
      for (int i = 0; i < 500; i++) {
        listening.send(new DatagramPacket(new byte[1400], 1400, came.getSocketAddress()));
      }
      Await.until("full", () -> session.packets().dropped().containsKey("flow-full"));
      Sockets.shutdown(pair.get(1).fd(), SHUT_RD);
      Await.until(
          "the end",
          () -> {
            drain();
            return !stage.outcomes.isEmpty();
          });
      assertThat(stage.outcomes.get(0).packets().dropped())
          .containsOnlyKeys("kernel-refused", "flow-full", "flow-refused");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void fiveTupleThatSomebodyElseGotIsNotUsed(String server) throws IOException {
    Session session = session();
    try (DatagramSocket listening = peers.bind(server);
        Conntrack others = stage.middle.call(() -> Conntrack.open(EgressStage.MARK + 1))) {
      int port = listening.getLocalPort();
      byte[] packet = Packets.udp(Packets.client(server), 5000, server, port, 4);
      send(packet);
      int outer = Peers.receive(listening).getPort();
      EgressStage.in(stage.middle, "conntrack -D -p udp -f " + family(server));
      take(others, server, port, outer, outer);
      FlowTable flows = stage.tables.flows();
      Await.until("it is heard", () -> (flows.flags(0) & FlowTable.UNMAPPED) != 0);
      send(packet);
      requireDropped(session, Map.of("taken", 1L));
    }
  }

  private static String family(String server) {
    return server.equals(SERVER) ? "ipv4" : "ipv6";
  }

  /** Somebody else has ports toward a server. */
  private void take(Conntrack others, String server, int serverPort, int first, int last) {
    PortSlice slice = slice(server);
    boolean four = server.equals(SERVER);
    List<Integer> errors = new ArrayList<>();
    for (int port = first; port <= last; port++) {
      ConntrackTuple tuple =
          new ConntrackTuple()
              .of(four ? 4 : 6, 17)
              .source(four ? 0 : 0xfd77L << 48, four ? 0xffff_0a4d_0001L : 1, port)
              .destination(four ? 0 : 0xfd99L << 48, four ? 0xffff_c633_6409L : 9, serverPort);
      others.insert(0, tuple, slice.high(), slice.low(), port, 60, null);
      if (others.isFull() || port == last) {
        others.send(recorder(errors));
      }
    }
    assertThat(errors).hasSize(last - first + 1).containsOnly(0);
  }

  private static Conntrack.Outcomes recorder(List<Integer> errors) {
    return new Conntrack.Outcomes() {
      @Override
      public void inserted(int flow, int errno) {
        errors.add(errno);
      }

      @Override
      public void deleted(int flow, int errno) {
        errors.add(errno);
      }
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void everyPortThatOthersHaveLeftIsFoundByTheFirstPacket(String server) throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket listening = peers.bind(server);
        Conntrack others = stage.middle.call(() -> Conntrack.open(EgressStage.MARK + 1))) {
      int port = listening.getLocalPort();
      take(others, server, port, FIRST_PORT, FIRST_PORT + 49);
      take(others, server, port, FIRST_PORT + 53, LAST_PORT);
      Set<Integer> found = new HashSet<>();
      List<DatagramSocket> sockets = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        sockets.add(socket);
        found.add(Peers.ask(socket, listening));
      }
      assertThat(found)
          .containsExactlyInAnyOrder(FIRST_PORT + 50, FIRST_PORT + 51, FIRST_PORT + 52);
      assertThat(client.session().packets().dropped()).doesNotContainKey("exhausted");
      assertThat(stage.exhausted).isEmpty();
      DatagramSocket late = client.namespace().call(() -> new DatagramSocket());
      sockets.add(late);
      late.send(Peers.packet("x", listening));
      Await.until("told", () -> !stage.exhausted.isEmpty());
      sockets.forEach(DatagramSocket::close);
    }
  }

  /** Such as one whose deletion the kernel had no memory to answer. */
  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6})
  void entryThatWasLeftBehindIsInNobodysWay(String server) throws IOException {
    session();
    boolean four = server.equals(SERVER);
    try (DatagramSocket listening = peers.bind(server);
        Conntrack own = stage.middle.call(() -> Conntrack.open(EgressStage.MARK))) {
      int port = listening.getLocalPort();
      ConntrackTuple tuple =
          new ConntrackTuple()
              .of(four ? 4 : 6, 17)
              .source(four ? 0 : 0xfd6f_7862_6f77_0000L, four ? 0xffff_6440_0001L : 1, 5000)
              .destination(four ? 0 : 0xfd99L << 48, four ? 0xffff_c633_6409L : 9, port);
      PortSlice slice = slice(server);
      List<Integer> errors = new ArrayList<>();
      own.insert(0, tuple, slice.high(), slice.low(), LAST_PORT, 60, null);
      own.send(recorder(errors));
      assertThat(errors).containsExactly(0);
      send(Packets.udp(Packets.client(server), 5000, server, port, 4));
      assertThat(Peers.receive(listening).getPort()).isBetween(FIRST_PORT, LAST_PORT);
      assertThat(stage.counters().flows()).isEqualTo(1);
    }
  }

  /** The kernel says nothing of most of a batch: nothing is lost but packets. */
  @Test
  void portsOfConnectionsThatNobodyKnowsOfAreKept() throws IOException {
    stage.bufferBytes = 4096;
    stage.passTo(stage.successor());
    Session session = session();
    try (DatagramSocket listening = peers.bind(SERVER)) {
      int port = listening.getLocalPort();
      int many = 40;
      stage.vertx.run(
          () -> {
            for (int i = 0; i < many; i++) {
              send(Packets.udp("10.0.0.2", 5000 + i, SERVER, port, i));
            }
          });
      Await.until("some are refused", () -> !session.packets().dropped().isEmpty());
      assertThat(session.packets().dropped()).containsOnlyKeys("kernel-refused");
      assertThat(stage.counters().overruns()).isPositive();
      assertThat(stage.counters().flows()).isEqualTo(many);
      Map<Integer, Integer> portOf = new java.util.HashMap<>();
      listening.setSoTimeout(100);
      for (int round = 0; portOf.size() < many && round < 50; round++) {
        for (int i = 0; i < many; i++) {
          if (!portOf.containsKey(i)) {
            send(Packets.udp("10.0.0.2", 5000 + i, SERVER, port, i));
          }
        }
        try {
          while (portOf.size() < many) {
            DatagramPacket came = Peers.receive(listening);
            assertThat(
                    portOf.merge(came.getLength(), came.getPort(), (a, b) -> a.equals(b) ? a : -1))
                .isEqualTo(came.getPort());
          }
        } catch (java.net.SocketTimeoutException e) {
          assertThat(portOf.size()).isLessThan(many);
        }
      }
      assertThat(new HashSet<>(portOf.values())).hasSize(many);
      assertThat(EgressStage.in(stage.middle, "conntrack -L -m " + EgressStage.MARK))
          .contains(many + " flow entries");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_6, EgressStage.MIDDLE, EgressStage.MIDDLE_6})
  void linkOfAPairIsOutOfReachOfClientsAndNothingElseIs(String address) throws IOException {
    EgressStage.in(
        stage.middle,
        "ip route add 203.0.113.0/24 dev out0",
        "ip -6 route add 2001:db8:2::/64 dev out0");
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    boolean far = address.equals(SERVER) || address.equals(SERVER_6);
    Namespace there = far ? stage.server : stage.middle;
    InetAddress host = InetAddress.getByName(address);
    int port = EgressStage.LINK_PORT;
    try (ServerSocket link = there.call(() -> new ServerSocket(port, 9, host));
        ServerSocket other = there.call(() -> new ServerSocket(port + 1, 9, host));
        Socket from = Peers.connect(client, address, port + 1)) {
      assertThat(from.getPort()).isEqualTo(other.getLocalPort());
      assertThat(droppedOnTheWayToTheLink()).isZero();
      assertThatThrownBy(() -> tryToConnect(client, host, port))
          .hasRootCauseInstanceOf(SocketTimeoutException.class);
      assertThat(droppedOnTheWayToTheLink()).isPositive();
      link.setSoTimeout(1);
      assertThatThrownBy(link::accept).isInstanceOf(SocketTimeoutException.class);
    }
  }

  private static boolean tryToConnect(Client client, InetAddress host, int port) {
    return client
        .namespace()
        .call(
            () -> {
              try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(host, port), 200);
                return true;
              }
            });
  }

  private long droppedOnTheWayToTheLink() {
    return Pattern.compile("tcp dport \\{[^}]*5701[^}]*\\} counter packets ([0-9]+) ")
        .matcher(EgressStage.in(stage.middle, "nft list chain inet oxbow_fish0 pre"))
        .results()
        .mapToLong(rule -> Long.parseLong(rule.group(1)))
        .sum();
  }
}
