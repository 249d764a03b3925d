package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.flow.EndReason;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What happens to single packets. */
@RequiresRoot
@DescriptorLeaks
class PacketTest {
  private static final byte[] NOTHING = {};
  private static final int MTU = 1500;

  /** Longer than a delayed acknowledgement takes, 40 ms. */
  private static final long IDLE_NANOS = 300_000_000;

  private static PlaneStage stage;

  private RawFlow flow;
  private PlaneStage.Told told;

  @BeforeAll
  static void openStage() {
    stage = PlaneStage.warm(4);
  }

  @AfterAll
  static void closeStage() {
    stage.close();
  }

  @BeforeEach
  void open() {
    flow = new RawFlow();
    told = stage.open(flow.spec(1, MTU));
  }

  @AfterEach
  void close() {
    if (!told.outcome.isDone()) {
      told.end();
    }
    flow.close();
  }

  private static Packets ends(int version, int port) {
    return version == 4
        ? Packets.of("192.0.2.1", port, "198.51.100.9", 443)
        : Packets.of("2001:db8:5::1", port, "2001:db8:9::9", 443);
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 6})
  void segmentOfUnknownConnectionIsReset(int version) {
    flow.send(ends(version, 4000).segment(TcpHeader.ACK, 5, 77, NOTHING));
    PacketView answer = Packets.view(flow.receive());
    assertThat(TcpHeader.flags(answer)).isEqualTo(TcpHeader.RST);
    assertThat(TcpHeader.sequence(answer)).isEqualTo(77);
    assertThat(answer.sourcePort()).isEqualTo(443);
    assertThat(answer.destinationPort()).isEqualTo(4000);
    flow.send(ends(version, 4000).segment(TcpHeader.RST, 5, 0, NOTHING));
    told.awaitPackets(2);
    assertThat(told.end().packets().dropped()).isEqualTo(Map.of("unknown-connection", 2L));
    assertThat(flow.receive(0)).isNull();
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 6})
  void bytesGoBothWays(int version) {
    RawConnection client = RawConnection.open(flow, ends(version, 4001));
    assertThat(client.offeredMss()).isEqualTo(version == 4 ? MTU - 40 : MTU - 60);
    try (TestPeer server = told.nextPeer()) {
      client.send("hello".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
      assertThat(server.read(5)).asString().isEqualTo("hello");
      client.receive();
      server.write(new byte[5000]);
      int bytes = 0;
      while (bytes < 5000) {
        PacketView segment = client.receive();
        // The client had offered 9,000.
        assertThat(segment.length()).isLessThanOrEqualTo(MTU);
        bytes += segment.payloadLength();
        client.acknowledge(segment);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 6})
  void pathMtuIsLearnedFromErrors(int version) {
    int pathMtu = version == 4 ? 700 : 1300;
    RawConnection.open(flow, ends(version, 4002));
    try (TestPeer server = told.nextPeer()) {
      server.write(new byte[4000]);
      byte[] large = flow.receive();
      assertThat(large).hasSize(MTU);
      Packets router =
          version == 4
              ? Packets.of("192.0.2.254", 0, "198.51.100.9", 0)
              : Packets.of("2001:db8:5::fe", 0, "2001:db8:9::9", 0);
      flow.send(router.tooBig(pathMtu, large));
      int sequence = TcpHeader.sequence(Packets.view(large));
      PacketView again = Packets.view(flow.receive());
      while (TcpHeader.sequence(again) != sequence) {
        again = Packets.view(flow.receive());
      }
      assertThat(again.length()).isBetween(pathMtu - 20, pathMtu);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 6})
  void whatTheKernelObjectsToIsToldToTheClient(int version) {
    RawConnection client = RawConnection.open(flow, ends(version, 4008));
    try (TestPeer server = told.nextPeer()) {
      byte[] wrong = Packets.withWrongOption(client.next(new byte[10]));
      flow.send(wrong);
      PacketView error = Packets.view(flow.receive());
      // Parameter problem, as if the destination had said so.
      assertThat(error.isIcmpError()).isTrue();
      assertThat(error.icmpType()).isEqualTo(version == 4 ? 12 : 4);
      PacketView asked = Packets.view(wrong);
      assertThat(error.sourceLow()).isEqualTo(asked.destinationLow());
      assertThat(error.destinationLow()).isEqualTo(asked.sourceLow());
      assertThat(Checksum.transportValid(error)).isTrue();
      PacketView quoted = new PacketView();
      assertThat(error.quoted(quoted)).isNull();
      assertThat(quoted.sourceLow()).isEqualTo(asked.sourceLow());
      assertThat(quoted.sourcePort()).isEqualTo(4008);
      assertThat(quoted.destinationLow()).isEqualTo(asked.destinationLow());
      assertThat(quoted.destinationPort()).isEqualTo(443);
      server.write(new byte[] {1});
      assertThat(client.receive().payloadLength()).isEqualTo(1);
    }
    assertThat(told.end().packets().dropped()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 6})
  void fragmentsArePutTogether(int version) {
    RawConnection client = RawConnection.open(flow, ends(version, 4006));
    try (TestPeer server = told.nextPeer()) {
      byte[] payload = new byte[1000];
      new Random(3).nextBytes(payload);
      byte[][] fragments = Packets.fragments(client.next(payload), 400);
      flow.send(fragments[1]);
      flow.send(fragments[0]);
      assertThat(server.read(1000)).isEqualTo(payload);
      // And a first one without its second.
      flow.send(Packets.fragments(client.next(payload), 400)[0]);
    }
    assertThat(told.end().packets().dropped()).isEmpty();
  }

  @Test
  void errorsAboutUnknownConnectionsAndOtherProtocolsAreCounted() {
    byte[] about = ends(4, 9).segment(TcpHeader.ACK, 1, 1, new byte[100]);
    flow.send(ends(4, 9).tooBig(600, about));
    flow.send(ends(4, 9).datagram(new byte[10]));
    flow.send(new byte[] {1, 2, 3});
    flow.send(new byte[MTU + 1]);
    told.awaitPackets(4);
    assertThat(told.end().packets().dropped())
        .isEqualTo(Map.of("icmp-unrelated", 1L, "not-tcp", 1L, "malformed", 1L, "too-long", 1L));
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1,198.51.100.9",
    "192.0.2.1,127.255.0.9",
    "::1,2001:db8::9",
    "2001:db8::9,::1"
  })
  void addressesThatNeverLeaveAHostAreMalformed(String from, String to) {
    flow.send(Packets.of(from, 4000, to, 443).segment(TcpHeader.SYN, 5, 0, NOTHING));
    told.awaitPackets(1);
    assertThat(told.end().packets().dropped()).isEqualTo(Map.of("malformed", 1L));
    assertThat(told.connections).isEmpty();
  }

  @Test
  void tunnelIsIdleWhileNoPacketComesOrGoes() {
    RawConnection client = RawConnection.open(flow, ends(4, 4007));
    try (TestPeer server = told.nextPeer()) {
      awaitIdle();
      long idle = told.tunnel.idleNanos();
      // It looks at its flow again, where nothing is.
      EpollVertx.await(stage.plane().freeze(1));
      EpollVertx.await(stage.plane().thaw(1));
      stage.vertx().run(() -> {});
      assertThat(told.tunnel.idleNanos()).isGreaterThan(idle);
      server.write(new byte[1]);
      client.receive();
      Await.until("it is not idle", () -> told.tunnel.idleNanos() < IDLE_NANOS);
      awaitIdle();
      client.send(new byte[1]);
      assertThat(server.read(1)).hasSize(1);
      Await.until("it is not idle", () -> told.tunnel.idleNanos() < IDLE_NANOS);
    }
  }

  private void awaitIdle() {
    Await.until("it is idle", () -> told.tunnel.idleNanos() > IDLE_NANOS);
  }

  @Test
  void emptyMessagesAreNothing() {
    for (int i = 0; i < 300; i++) {
      flow.send(NOTHING);
    }
    RawConnection client = RawConnection.open(flow, ends(4, 4003));
    try (TestPeer server = told.nextPeer()) {
      client.send(new byte[] {42});
      assertThat(server.read(1)).containsExactly(42);
    }
    assertThat(told.end().packets().dropped()).isEmpty();
  }

  @Test
  void handshakesThatAreNotFinishedAreBounded() {
    int limit = PlaneOptions.DEFAULT.handshakesPerTunnel();
    for (int i = 0; i < limit + 7; i++) {
      flow.send(ends(4, 10_000 + i).segment(TcpHeader.SYN, 1, 0, NOTHING));
      if (i < limit) {
        flow.receive();
      }
    }
    told.awaitPackets(limit + 7);
    assertThat(told.end().packets().dropped()).isEqualTo(Map.of("handshake-limit", 7L));
  }

  @Test
  void hostileBytesHarmNobody() {
    Random random = new Random(4711);
    try (RawFlow other = new RawFlow()) {
      PlaneStage.Told peaceful = stage.open(other.spec(2, MTU));
      RawConnection client = RawConnection.open(other, ends(4, 4004));
      try (TestPeer server = peaceful.nextPeer()) {
        byte[] good = ends(4, 4005).segment(TcpHeader.SYN, 1, 0, new byte[40]);
        byte[] good6 = ends(6, 4005).segment(TcpHeader.ACK, 1, 0, new byte[40]);
        for (int i = 0; i < 20_000; i++) {
          byte[] packet = (random.nextBoolean() ? good : good6).clone();
          for (int change = random.nextInt(4); change >= 0; change--) {
            packet[random.nextInt(packet.length)] = (byte) random.nextInt();
          }
          if (i % 4 == 0) {
            random.nextBytes(packet);
          }
          flow.send(packet);
          while (flow.receive(0) != null) {
            assertThat(told.outcome).isNotDone();
          }
          if (i % 1000 == 0) {
            client.send(new byte[] {(byte) i});
            assertThat(server.read(1)).containsExactly((byte) i);
            client.receive();
          }
        }
      }
      assertThat(peaceful.end().packets().dropped()).isEmpty();
    }
    assertThat(told.end().reason()).isEqualTo(EndReason.ABORTED);
  }
}
