package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.testing.FlowBridge;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tunnels and connections that begin and end. */
@RequiresRoot
@DescriptorLeaks
class LifeTest {
  private static final int MTU = 1500;
  private static final String SERVER = "10.9.9.9";

  private static PlaneStage stage;

  @BeforeAll
  static void open() {
    stage = PlaneStage.warm(4);
  }

  @AfterAll
  static void close() {
    stage.close();
  }

  @Test
  void tenantsMayHaveTheSameAddressesAndPorts() {
    FlowBridge.Kind kind = FlowBridge.Kind.TUN_VNET;
    try (ClientNetwork first = new ClientNetwork(MTU, true);
        ClientNetwork second = new ClientNetwork(MTU, true);
        FlowEnd firstEnd = new FlowEnd(first, kind);
        FlowEnd secondEnd = new FlowEnd(second, kind)) {
      // The same group, and so the same region of the table.
      PlaneStage.Told one = stage.open(firstEnd.spec(1, MTU));
      PlaneStage.Told two = stage.open(secondEnd.spec(1 + TunnelPlane.GROUPS, MTU));
      Descriptor a = first.connecting(SERVER, 443, 5555);
      Descriptor b = second.connecting(SERVER, 443, 5555);
      try (TestPeer clientA = ClientNetwork.connected(a);
          TestPeer clientB = ClientNetwork.connected(b)) {
        AcceptedConnection ofOne = one.next();
        AcceptedConnection ofTwo = two.next();
        assertThat(ofOne.client()).isEqualTo("10.0.0.2:5555").isEqualTo(ofTwo.client());
        assertThat(ofOne.id()).isNotEqualTo(ofTwo.id());
        try (TestPeer serverA = new TestPeer(ofOne.socket());
            TestPeer serverB = new TestPeer(ofTwo.socket())) {
          clientA.write(new byte[] {1});
          clientB.write(new byte[] {2});
          assertThat(serverA.read(1)).containsExactly(1);
          assertThat(serverB.read(1)).containsExactly(2);
        }
      }
      one.end();
      two.end();
    }
  }

  @Test
  void manyShortConnectionsLeaveTheTableEmpty() {
    try (ClientNetwork network = new ClientNetwork(MTU, true);
        FlowEnd end = new FlowEnd(network, FlowBridge.Kind.TUN_VNET)) {
      PlaneStage.Told told = stage.open(end.spec(2, MTU));
      for (int i = 0; i < 500; i++) {
        try (TestPeer client = network.connect(i % 2 == 0 ? SERVER : "2001:db8:1::9", 80)) {
          try (TestPeer server = told.nextPeer()) {
            if (i % 3 == 0) {
              client.reset();
              assertThatThrownBy(server::readAll).isInstanceOf(LinuxException.class);
            } else {
              client.halfClose();
              assertThat(server.readAll()).isEmpty();
            }
          }
          if (i % 3 != 0) {
            assertThat(client.readAll()).isEmpty();
          }
        }
      }
      Await.until("the table is empty", () -> told.tunnel.connections() == 0);
      assertThat(told.end().packets().dropped()).isEmpty();
    }
  }

  @Test
  void connectionKeepsItsRecordWhileItsTimeWaitLasts() {
    try (ClientNetwork network = new ClientNetwork(MTU, true);
        FlowEnd end = new FlowEnd(network, FlowBridge.Kind.TUN_VNET)) {
      PlaneStage.Told told = stage.open(end.spec(2, MTU));
      try (TestPeer client = network.connect(SERVER, 80)) {
        try (TestPeer server = told.nextPeer()) {
          server.halfClose();
          assertThat(client.readAll()).isEmpty();
          client.halfClose();
          assertThat(server.readAll()).isEmpty();
        }
      }
      stage.awaitCensus();
      assertThat(told.tunnel.connections()).isEqualTo(1);
      told.end();
    }
  }

  @Test
  void placeIsFreeWhenItsTimeWaitIsOver() throws Exception {
    try (ClientNetwork network = new ClientNetwork(MTU, true);
        FlowEnd end = new FlowEnd(network, FlowBridge.Kind.TUN_VNET)) {
      PlaneStage.Told told = stage.open(end.spec(2, MTU));
      try (TestPeer client = network.connect(SERVER, 80);
          TestPeer server = told.nextPeer()) {
        server.halfClose();
        assertThat(client.readAll()).isEmpty();
        client.halfClose();
        assertThat(server.readAll()).isEmpty();
      }
      stage.awaitCensus();
      assertThat(told.tunnel.connections()).isEqualTo(1);
      // As a minute does, which it lasts otherwise: without a word to anybody.
      assertThat(endTimeWait(told.tunnel.slot())).isTrue();
      Await.until(
          "its place is free",
          () -> {
            stage.awaitCensus();
            return told.tunnel.connections() == 0;
          });
      told.end();
    }
  }

  /** Whether there was one, in the first places of a tunnel's group. */
  private static boolean endTimeWait(int slot) throws Exception {
    Environment environment = stage.plane().population().environment();
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    environment.submit(
        () ->
            IntStream.range(0, 64)
                .anyMatch(
                    place -> {
                      long low = Pool.low(4, slot, place);
                      return environment.census().destroy(4, Pool.high(4), low, Pool.port(place));
                    }),
        (found, failure) -> {
          if (failure == null) {
            done.complete(found);
          } else {
            done.completeExceptionally(failure);
          }
        });
    return done.get();
  }

  @Test
  void connectionsBeyondTheLimitAreNotBegunAndTheOthersGoOn() {
    try (PlaneStage small = new PlaneStage(new PlaneOptions(64, 64, 3, 64));
        RawFlow flow = new RawFlow()) {
      PlaneStage.Told told = small.open(flow.spec(1, MTU));
      List<RawConnection> clients = new ArrayList<>();
      List<TestPeer> servers = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        clients.add(RawConnection.open(flow, ends(4000 + i)));
        servers.add(told.nextPeer());
      }
      for (int i = 0; i < 5; i++) {
        flow.send(ends(5000 + i).segment(TcpHeader.SYN, 1, 0, new byte[0]));
      }
      for (int i = 0; i < 3; i++) {
        clients.get(i).send(new byte[] {(byte) i});
        assertThat(servers.get(i).read(1)).containsExactly((byte) i);
        // The next packet of all, so that no SYN was answered.
        clients.get(i).receive();
      }
      assertThat(told.connections).isEmpty();
      assertThat(told.tunnel.packets().dropped()).isEqualTo(Map.of("connection-limit", 5L));
      // A place that is free is given again.
      RawConnection first = clients.get(0);
      flow.send(
          ends(4000).segment(TcpHeader.RST, first.sequence(), first.acknowledgment(), new byte[0]));
      assertThatThrownBy(servers.get(0)::readAll).isInstanceOf(LinuxException.class);
      servers.get(0).close();
      Await.until("a place is free", () -> told.tunnel.connections() == 2);
      RawConnection.open(flow, ends(6000));
      servers.set(0, told.nextPeer());
      servers.forEach(TestPeer::close);
      assertThat(told.end().packets().dropped()).isEqualTo(Map.of("connection-limit", 5L));
    }
  }

  private static Packets ends(int port) {
    return Packets.of("192.0.2.1", port, "198.51.100.9", 443);
  }

  @Test
  void endOfTunnelResetsItsConnectionsOnBothSides() {
    try (ClientNetwork network = new ClientNetwork(MTU, true);
        FlowEnd end = new FlowEnd(network, FlowBridge.Kind.TUN_VNET)) {
      PlaneStage.Told told = stage.open(end.spec(3, MTU));
      List<TestPeer> all = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        all.add(network.connect(SERVER, 80));
        all.add(told.nextPeer());
      }
      FlowOutcome outcome = told.end();
      assertThat(outcome.reason()).isEqualTo(EndReason.ABORTED);
      assertThat(outcome.packets().in()).isPositive();
      assertThat(outcome.packets().out()).isPositive();
      for (TestPeer peer : all) {
        assertThatThrownBy(peer::readAll)
            .isInstanceOfSatisfying(
                LinuxException.class,
                e -> assertThat(e.errno()).isIn(Errno.ECONNRESET, Errno.ECONNABORTED));
        peer.close();
      }
      // The flow is the owner's again, and the place can be used at once.
      PlaneStage.Told again = stage.open(end.spec(3, MTU));
      try (TestPeer client = network.connect(SERVER, 80);
          TestPeer server = again.nextPeer()) {
        client.write(new byte[] {7});
        assertThat(server.read(1)).containsExactly(7);
      }
      again.end();
    }
  }

  @Test
  void endOfFlowEndsTheTunnelAfterWhatItHad() {
    PlaneStage.Told told;
    try (RawFlow flow = new RawFlow()) {
      told = stage.open(flow.spec(1, MTU));
      RawConnection client =
          RawConnection.open(flow, Packets.of("192.0.2.1", 4000, "198.51.100.9", 443));
      try (TestPeer server = told.nextPeer()) {
        client.send(new byte[] {9});
        flow.far().close();
        assertThat(told.awaitEnd().reason()).isEqualTo(EndReason.EOF);
        assertThat(server.read(1)).containsExactly(9);
        assertThatThrownBy(server::readAll).isInstanceOf(LinuxException.class);
      }
    }
  }

  @Test
  void connectionOfEndedTunnelIsNotTold() {
    try (RawFlow flow = new RawFlow()) {
      PlaneStage.Told told = stage.open(flow.spec(1, MTU));
      told.end();
      long[] before = {stage.counters().tunnels(), stage.counters().connections()};
      assertThat(before).containsExactly(0, 0);
      flow.send(Packets.of("192.0.2.1", 1, "192.0.2.2", 2).segment(2, 0, 0, new byte[0]));
      assertThat(Sockets.poll(flow.flow().fd(), Sockets.POLLIN, 0)).isNotZero();
      assertThat(told.connections).isEmpty();
    }
  }

  @Test
  void whatATunnelLeavesInItsDeviceIsNotForTheNext() {
    try (RawFlow full = new RawFlow();
        RawFlow flow = new RawFlow()) {
      Packets ends = Packets.of("192.0.2.1", 4000, "198.51.100.9", 443);
      PlaneStage.Told told = stage.open(full.spec(1, MTU));
      RawConnection.open(full, ends);
      try (TestPeer server = told.nextPeer()) {
        server.fill();
        int slot = told.tunnel.slot();
        told.end();
        PlaneStage.Told next = stage.open(flow.spec(1 + TunnelPlane.GROUPS, MTU));
        assertThat(next.tunnel.slot()).isEqualTo(slot);
        RawConnection.open(flow, ends);
        next.next().socket().close();
        assertThat(next.end().packets().dropped()).isEmpty();
      }
    }
  }

  @Test
  void flowThatIsNotReadHoldsUpNobodyElseAndLosesNothing() {
    int bytes = 1 << 20;
    try (RawFlow slow = new RawFlow();
        ClientNetwork network = new ClientNetwork(MTU, true);
        FlowEnd end = new FlowEnd(network, FlowBridge.Kind.TUN_VNET)) {
      PlaneStage.Told stuck = stage.open(slow.spec(1, MTU));
      RawConnection client =
          RawConnection.open(slow, Packets.of("192.0.2.1", 4000, "198.51.100.9", 443));
      PlaneStage.Told free = stage.open(end.spec(1 + TunnelPlane.GROUPS, MTU));
      try (TestPeer stuckServer = stuck.nextPeer();
          TestPeer freeClient = network.connect(SERVER, 80);
          TestPeer freeServer = free.nextPeer()) {
        stuckServer.fill();
        freeServer.write(new byte[1000]);
        assertThat(freeClient.read(1000)).hasSize(1000);
        int received = 0;
        while (received < bytes / 32) {
          var segment = client.receive();
          received += segment.payloadLength();
          client.acknowledge(segment);
        }
      }
      assertThat(stuck.end().packets().dropped()).isEmpty();
      assertThat(free.end().packets().dropped()).isEmpty();
      assertThat(network.dropped()).isZero();
    }
  }
}
