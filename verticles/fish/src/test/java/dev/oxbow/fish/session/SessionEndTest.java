package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.SERVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage.Client;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.PacketCounts;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sessions that end with many connections, that cannot begin, and ports that outlive them. */
@DescriptorLeaks
@RequiresRoot
class SessionEndTest {
  private static final int MTU = 1500;

  /** More than can end in two turns. */
  private static final int MANY = 2 * SessionFlows.ENDS + 100;

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

  private Session withManyConnections(Descriptor flow, Descriptor client) {
    Session session =
        stage.session(flow.fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU, "edge");
    for (int port = 1; port <= MANY; port++) {
      int wanted = port;
      Peers.send(client, Peers.datagram(64, port));
      Await.until("it is known", () -> stage.counters().flows() == wanted);
    }
    return session;
  }

  private int live() {
    FlowTable flows = stage.tables.flows();
    int live = 0;
    for (int flow = 0; flow < flows.capacity(); flow++) {
      live += flows.state(flow) == FlowTable.LIVE ? 1 : 0;
    }
    return live;
  }

  private void awaitNoneLive() {
    Await.until("all have ended", () -> stage.vertx.call(this::live) == 0);
    assertThat(EgressStage.in(stage.middle, "conntrack -L -m " + EgressStage.MARK))
        .contains("0 flow entries");
    assertThat(stage.counters().flows()).isEqualTo(MANY);
  }

  @Test
  void manyConnectionsEndInTurnsAndOthersHaveTheLoopInBetween() {
    List<Descriptor> pair = EgressStage.packetPair();
    Session session = withManyConnections(pair.get(0), pair.get(1));
    AtomicInteger left = new AtomicInteger();
    stage.vertx.run(
        () -> {
          stage.plane.end(session, EndReason.ABORTED);
          stage.vertx.context().runOnContext(v -> left.set(live()));
        });
    Await.until("the end is told", () -> !stage.outcomes.isEmpty());
    awaitNoneLive();
    assertThat(left.get()).isEqualTo(MANY - SessionFlows.ENDS);
    Descriptor.closeAll(pair);
  }

  @Test
  void manyPortsThatHaveRestedAreFreedInTurns() {
    List<Descriptor> pair = EgressStage.packetPair();
    Session session = withManyConnections(pair.get(0), pair.get(1));
    stage.end(session);
    Await.until("the end is told", () -> !stage.outcomes.isEmpty());
    awaitNoneLive();
    List<Integer> sizes = new CopyOnWriteArrayList<>();
    stage.vertx.run(
        () -> {
          sizes.add(stage.tables.flows().size());
          stage.later(TimeUnit.SECONDS.toNanos(121));
          look(sizes);
        });
    Await.until("all are free", () -> sizes.get(sizes.size() - 1) == 0);
    for (int i = 1; i < sizes.size(); i++) {
      assertThat(sizes.get(i - 1) - sizes.get(i)).isLessThanOrEqualTo(SessionFlows.ENDS);
    }
    Descriptor.closeAll(pair);
  }

  /** Notes the size of the table in each turn of the loop in which it is another. */
  private void look(List<Integer> sizes) {
    int size = stage.tables.flows().size();
    if (size != sizes.get(sizes.size() - 1)) {
      sizes.add(size);
    }
    if (size > 0) {
      DescriptorLoop.of(stage.vertx.context()).schedule(() -> look(sizes), 0);
    }
  }

  @Test
  void whoeverGoesOnGoesOnEndingConnections() {
    List<Descriptor> pair = EgressStage.packetPair();
    Session session = withManyConnections(pair.get(0), pair.get(1));
    SessionPlane next = stage.successor();
    stage.vertx.run(
        () -> {
          stage.plane.unshare();
          stage.plane.end(session, EndReason.ABORTED);
          stage.vertx.context().runOnContext(v -> stage.plane.freeze());
        });
    Await.until("the end is told", () -> !stage.outcomes.isEmpty());
    assertThat(stage.vertx.call(this::live)).isEqualTo(MANY - SessionFlows.ENDS);
    SessionPlane before = stage.plane;
    stage.vertx.run(
        () -> {
          next.thaw();
          next.unshare();
        });
    awaitNoneLive();
    stage.plane = next;
    stage.vertx.run(before::close);
    Descriptor.closeAll(pair);
  }

  @Test
  void sessionThatCannotBeginLeavesNothingAndTakesNothing() throws IOException {
    Client client = stage.client(Mapping.PER_DESTINATION, MTU, "edge");
    try (DatagramSocket server = new Peers(stage).bind(SERVER);
        DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
        Descriptor file =
            Descriptor.adopt(Syscalls.open(directory + "/fish0.flows", Syscalls.O_CLOEXEC, 0))) {
      Peers.ask(socket, server);
      stage.crash();
      // epoll takes no such file.
      assertThatThrownBy(
              () ->
                  stage.session(
                      file.fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU, "edge"))
          .hasStackTraceContaining("Operation not permitted");
      assertThat(stage.counters().sessions()).isZero();
      assertThat(stage.counters().lost()).isEqualTo(1);
      Session again =
          stage.session(
              client.tun().descriptor().fd(), FlowKind.TUN, Mapping.PER_DESTINATION, MTU, "edge");
      assertThat(again.resumed()).isEqualTo(1);
      assertThat(again.slot()).isEqualTo(1);
    }
  }

  /** What waits for a flow at its end, or for other fragments, has not gone. */
  @Test
  void everyPacketForAClientHasGoneOrIsCountedAsDropped() throws IOException {
    int packets = 1000;
    List<Descriptor> pair = EgressStage.packetPair();
    Session session =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    try (DatagramSocket server = new Peers(stage).bind(SERVER)) {
      Peers.send(
          pair.get(1), Packets.udp(Packets.client(SERVER), 5000, SERVER, server.getLocalPort(), 4));
      DatagramPacket came = Peers.receive(server);
      for (int i = 0; i < packets; i++) {
        server.send(new DatagramPacket(new byte[1000], 1000, came.getSocketAddress()));
      }
    }
    HeldPackets held = stage.tables.held();
    Await.until(
        "all came",
        () -> stage.vertx.call(() -> gone(session.packets()) + held.count(session)) == packets);
    assertThat(stage.vertx.<Integer>call(() -> held.count(session))).isPositive();
    Peers.send(pair.get(1), Packets.fragment(Packets.client(SERVER), SERVER, 0, true));
    Await.until("it came", () -> session.packets().in() == 2);
    stage.end(session);
    Await.until("the end is told", () -> !stage.outcomes.isEmpty());
    PacketCounts counts = stage.outcomes.get(0).packets();
    assertThat(counts.dropped()).containsOnlyKeys("flow-full", "fragment");
    assertThat(counts.dropped()).containsEntry("fragment", 1L);
    assertThat(gone(counts)).isEqualTo(packets + 1);
    Descriptor.closeAll(pair);
  }

  private static long gone(PacketCounts counts) {
    return counts.out() + counts.droppedInAll();
  }

  @Test
  void portsRestOverAnOrderlyEndAndNoLonger() {
    Path files = directory.resolve("other");
    Tables tables = Tables.open(files, new Tables.Sizes(16, 16, 16));
    long now = System.nanoTime();
    for (int port : new int[] {119, 121}) {
      int flow = tables.flows().add(0, 17, 9, 0, 5, port, 0, 7, 20_000);
      tables.flows().setState(flow, FlowTable.RESTING);
      tables.flows().touch(flow, now - TimeUnit.SECONDS.toNanos(port));
    }
    tables.saveResting(files);
    tables.close();
    try (Tables next = Tables.open(files, new Tables.Sizes(16, 16, 16))) {
      assertThat(next.flows().size()).isEqualTo(1);
      int flow = next.flows().owner(0, 7, 17, 20_000, 0, 5, 119);
      assertThat(next.flows().state(flow)).isEqualTo(FlowTable.RESTING);
      assertThat(next.flows().lastNanos(flow)).isEqualTo(now - TimeUnit.SECONDS.toNanos(119));
    }
  }
}
