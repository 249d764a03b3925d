package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.FIRST_PORT;
import static dev.oxbow.fish.session.EgressStage.LAST_PORT;
import static dev.oxbow.fish.session.EgressStage.OUTER;
import static dev.oxbow.fish.session.EgressStage.SERVER;
import static dev.oxbow.fish.session.EgressStage.SERVER_6;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.fdpassing.descriptor.Descriptor;
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
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the kernel does behind one's back, and what networks do. */
@DescriptorLeaks
@RequiresRoot
class EgressTrapsTest {
  private static final int MTU = 1500;

  /** More than the socket for events has room for. */
  private static final int MANY = 30_000;

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
  void portRestsForTwoMinutesBeforeAnybodyElseHasIt() throws IOException {
    Client first = stage.client(Mapping.PER_DESTINATION, MTU);
    Client second = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      Set<Integer> rested = new HashSet<>();
      try (DatagramSocket socket = first.namespace().call(() -> new DatagramSocket())) {
        rested.add(Peers.ask(socket, server));
      }
      stage.end(first.session());
      Await.until("the end", () -> !stage.outcomes.isEmpty());
      for (int i = FIRST_PORT; i < LAST_PORT; i++) {
        try (DatagramSocket socket = second.namespace().call(() -> new DatagramSocket())) {
          assertThat(Peers.ask(socket, server)).isNotIn(rested);
        }
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
    }
  }

  @Test
  void eventsThatWereMissedAreMadeUpFor() throws IOException {
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

  @Test
  void strayPacketMakesNoEntryThatStandsInTheWay() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      for (int port = FIRST_PORT; port <= LAST_PORT; port++) {
        server.send(
            new DatagramPacket(
                new byte[1], 1, new InetSocketAddress(InetAddress.getByName(OUTER), port)));
      }
      assertThat(EgressStage.in(stage.middle, "conntrack -L")).contains("0 flow entries");
      try (DatagramSocket socket = client.namespace().call(() -> new DatagramSocket())) {
        assertThat(Peers.ask(socket, server)).isBetween(FIRST_PORT, LAST_PORT);
      }
    }
  }

  @Test
  void datagramWithoutChecksumPassesAndHopsOnTheWayAreSeen() throws IOException {
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
      Peers.send(pair.get(1), Peers.datagram(1, server.getLocalPort()));
      PacketView exceeded = Peers.packet(pair.get(1));
      assertThat(exceeded.isIcmpError()).isTrue();
      assertThat(exceeded.icmpType()).isEqualTo(11);
      PacketView about = new PacketView();
      assertThat(exceeded.quoted(about)).isNull();
      assertThat(about.sourceLow()).isEqualTo(0xffff_0a00_0002L);
      assertThat(about.sourcePort()).isEqualTo(5000);
    }
    Descriptor.closeAll(pair);
  }
}
