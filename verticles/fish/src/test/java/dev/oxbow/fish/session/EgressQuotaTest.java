package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.SERVER;
import static dev.oxbow.fish.session.EgressStage.SERVER_6;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.ip.IcmpError;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage.Client;
import dev.oxbow.service.flow.FlowKind;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who has as many connections as he may gets no more; what he has goes on, and so do others. */
@DescriptorLeaks
@RequiresRoot
class EgressQuotaTest {
  private static final int MTU = 1500;
  private static final int MOST = 5;

  /** ICMP errors in a tenth of a second. */
  private static final int MOST_TOLD = 10;

  private static final String QUOTA = "flow-quota";
  private static final String RATE = "flow-rate";

  /** What "administratively prohibited" is to a program, by version of IP. */
  private static final String PROHIBITED_4 = "No route to host";

  private static final String PROHIBITED_6 = "Permission denied";

  @TempDir Path directory;
  private EgressStage stage;
  private Peers peers;
  private final List<DatagramSocket> sockets = new ArrayList<>();

  @BeforeEach
  void open() {
    stage = new EgressStage(directory);
    peers = new Peers(stage);
  }

  @AfterEach
  void close() {
    sockets.forEach(DatagramSocket::close);
    stage.close();
  }

  /** Another connection of a client's, which is answered. */
  private DatagramSocket talk(Client client, DatagramSocket server) throws IOException {
    DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
    sockets.add(socket);
    Peers.ask(socket, server);
    return socket;
  }

  /** A client that wants one more is told at once, and the packet is counted. */
  private void assertRefused(Client client, Session session, String reason) {
    long before = dropped(session, reason);
    assertThatThrownBy(() -> Peers.connect(client, SERVER, 9)).hasMessageContaining(PROHIBITED_4);
    assertThatThrownBy(() -> Peers.connect(client, SERVER_6, 9)).hasMessageContaining(PROHIBITED_6);
    assertThat(dropped(session, reason)).isGreaterThanOrEqualTo(before + 2);
  }

  private static long dropped(Session session, String reason) {
    return session.packets().dropped().getOrDefault(reason, 0L);
  }

  @Test
  void sessionHasAsManyConnectionsAsItMayAndAnotherGoesOn() throws IOException {
    stage.quotas.setSessionFlows(MOST);
    Client full = stage.client(Mapping.PER_DESTINATION, MTU);
    Client other = stage.client(Mapping.ENDPOINT_INDEPENDENT, MTU);
    try (DatagramSocket server = peers.bind(SERVER);
        ServerSocket listener = peers.listen(SERVER);
        Socket socket = Peers.connect(full, SERVER, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      for (int i = 1; i < MOST; i++) {
        talk(full, server);
      }
      assertRefused(full, full.session(), QUOTA);
      for (DatagramSocket own : sockets) {
        Peers.ask(own, server);
      }
      Peers.exchange(socket, accepted, 100_000);
      Peers.exchange(accepted, socket, 100_000);
      for (int i = 0; i < MOST; i++) {
        talk(other, server);
      }
      assertThat(stage.flows(full.session())).isEqualTo(MOST);
      assertThat(stage.flows(other.session())).isEqualTo(MOST);
      assertThat(stage.exhausted).isEmpty();
    }
  }

  @Test
  void allSessionsOfAUidCountTogetherUntilTheirPortsHaveRested() throws IOException {
    stage.quotas.setFlows(MOST);
    Client first = stage.client(Mapping.PER_DESTINATION, MTU);
    Client second = stage.client(Mapping.PER_DESTINATION, MTU);
    stage.uid = 33;
    Client stranger = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      talk(first, server);
      talk(first, server);
      for (int i = 2; i < MOST; i++) {
        talk(second, server);
      }
      assertRefused(first, first.session(), QUOTA);
      assertRefused(second, second.session(), QUOTA);
      talk(stranger, server);
      // What ended still takes room in the table, and so it counts.
      stage.end(first.session());
      Await.until("the end", () -> !stage.outcomes.isEmpty());
      assertRefused(second, second.session(), QUOTA);
      stage.later(TimeUnit.SECONDS.toNanos(121));
      Await.until("it has rested", () -> stage.counters().flows() == MOST - 2 + 1);
      talk(second, server);
      talk(second, server);
      assertRefused(second, second.session(), QUOTA);
      talk(stranger, server);
    }
  }

  @Test
  void countsAreRightInAnotherPlaneAndAfterACrash() throws IOException {
    stage.quotas.setFlows(MOST + 1).setSessionFlows(MOST);
    Client named = stage.client(Mapping.PER_DESTINATION, MTU, "edge");
    Client other = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      for (int i = 1; i < MOST; i++) {
        talk(named, server);
      }
      SessionPlane next = stage.successor();
      Session session = stage.adopt(next, named.session());
      Session nameless = stage.adopt(next, other.session());
      stage.passTo(next);
      assertThat(stage.flows(session)).isEqualTo(MOST - 1);
      talk(named, server);
      assertRefused(named, session, QUOTA);
      talk(other, server);
      assertRefused(other, nameless, QUOTA);
      stage.crash();
      // Those of the lost session count, and the port of the other, which rests.
      Session third =
          stage.session(other.tun().descriptor().fd(), FlowKind.TUN, Mapping.PER_DESTINATION, MTU);
      assertRefused(other, third, QUOTA);
      assertThat(stage.flows(third)).isZero();
      Session again =
          stage.session(
              named.tun().descriptor().fd(), FlowKind.TUN, Mapping.PER_DESTINATION, MTU, "edge");
      assertThat(again.resumed()).isEqualTo(MOST);
      assertThat(stage.flows(again)).isEqualTo(MOST);
      assertRefused(named, again, QUOTA);
      Peers.ask(sockets.get(0), server);
      stage.later(TimeUnit.SECONDS.toNanos(121));
      Await.until("it has rested", () -> stage.counters().flows() == MOST);
      talk(other, server);
      assertThat(stage.flows(third)).isEqualTo(1);
    }
  }

  @Test
  void burstBeyondTheRateIsRefusedAndAnotherSessionGoesOn() throws IOException {
    int perSecond = 10;
    stage.quotas.setSessionFlowsPerSecond(perSecond);
    timeStandsStill();
    List<Descriptor> pair = EgressStage.packetPair();
    Session busy =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    Client other = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      begin(pair.get(1), busy, 1, 60);
      assertThat(stage.flows(busy)).isEqualTo(perSecond);
      assertThat(dropped(busy, RATE)).isEqualTo(60 - perSecond);
      assertThat(errors(pair.get(1))).isEqualTo(MOST_TOLD);
      talk(other, server);
      // What is known already is not new.
      begin(pair.get(1), busy, 1, 1);
      assertThat(dropped(busy, RATE)).isEqualTo(60 - perSecond);
      stage.later(TimeUnit.MILLISECONDS.toNanos(300));
      begin(pair.get(1), busy, 101, perSecond);
      assertThat(stage.flows(busy)).isEqualTo(perSecond + 3);
      stage.later(TimeUnit.SECONDS.toNanos(60));
      begin(pair.get(1), busy, 201, 2 * perSecond);
      assertThat(stage.flows(busy)).isEqualTo(perSecond + 3 + perSecond);
    }
    Descriptor.closeAll(pair);
  }

  /** A SYN with the ports of a connection that is over begins another. */
  @Test
  void connectionThatIsBegunAnewCountsAsOne() {
    int perSecond = 3;
    stage.quotas.setSessionFlowsPerSecond(perSecond);
    timeStandsStill();
    List<Descriptor> pair = EgressStage.packetPair();
    Session session =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    byte[] syn = Packets.tcp(Packets.client(SERVER), 5000, SERVER, 9, Packets.TCP_SYN);
    for (int i = 0; i < perSecond; i++) {
      Peers.send(pair.get(1), syn);
      // The server has nobody at that port, and so it is over.
      assertThat(TcpHeader.flags(Peers.packet(pair.get(1))) & TcpHeader.RST).isPositive();
      assertThat(sinceMs()).as("of the %dth", i + 1).isPositive();
    }
    Peers.send(pair.get(1), syn);
    assertThat(IcmpError.PROHIBITED.is(Peers.packet(pair.get(1)))).isTrue();
    assertThat(dropped(session, RATE)).isEqualTo(1);
    assertThat(stage.flows(session)).isEqualTo(1);
    Descriptor.closeAll(pair);
  }

  /** When the one connection began, which is forgotten then. */
  private long sinceMs() {
    FlowTable flows = stage.tables.flows();
    return stage.vertx.call(
        () -> {
          int flow = 0;
          while (flows.state(flow) == FlowTable.FREE) {
            flow++;
          }
          long sinceMs = flows.sinceMs(flow);
          flows.setSinceMs(flow, 0);
          return sinceMs;
        });
  }

  private void timeStandsStill() {
    long now = System.nanoTime();
    stage.clock = () -> now;
  }

  @Test
  void uidHasARateForAllItsSessions() throws IOException {
    stage.quotas.setFlowsPerSecond(7);
    timeStandsStill();
    List<Descriptor> one = EgressStage.packetPair();
    List<Descriptor> two = EgressStage.packetPair();
    Session first =
        stage.session(one.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    Session second =
        stage.session(two.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    begin(one.get(1), first, 1, 5);
    begin(two.get(1), second, 1, 5);
    assertThat(stage.flows(first)).isEqualTo(5);
    assertThat(stage.flows(second)).isEqualTo(2);
    assertThat(dropped(second, RATE)).isEqualTo(3);
    stage.uid = 33;
    Client stranger = stage.client(Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = peers.bind(SERVER)) {
      talk(stranger, server);
    }
    Descriptor.closeAll(one);
    Descriptor.closeAll(two);
  }

  @Test
  void whoAsksTooOftenIsNotToldEachTime() {
    stage.quotas.setSessionFlows(1);
    timeStandsStill();
    List<Descriptor> pair = EgressStage.packetPair();
    Session session =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    int many = 1000;
    int told = 0;
    for (int sent = 0; sent < many; sent += 20) {
      begin(pair.get(1), session, 1 + sent, 20);
      told += errors(pair.get(1));
    }
    assertThat(dropped(session, QUOTA)).isEqualTo(many - 1);
    assertThat(told).isEqualTo(MOST_TOLD);
    Descriptor.closeAll(pair);
  }

  /** Waits until the session has looked at datagrams to so many ports, one connection each. */
  private static void begin(Descriptor flow, Session session, int firstPort, int count) {
    long before = session.packets().in();
    for (int i = 0; i < count; i++) {
      Peers.send(flow, Peers.datagram(64, firstPort + i));
    }
    Await.until("all were looked at", () -> session.packets().in() == before + count);
  }

  /** Takes what came out of a flow: how many were errors of Fish's own. */
  private static int errors(Descriptor flow) {
    int count = 0;
    while (Syscalls.bytesWaiting(flow.fd()) > 0) {
      PacketView packet = Peers.packet(flow);
      if (IcmpError.PROHIBITED.is(packet)) {
        count++;
      }
    }
    return count;
  }
}
