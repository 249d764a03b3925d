package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.testing.FlowBridge;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@RequiresRoot
@DescriptorLeaks
class TrafficTest {
  /** The common pool has one thread on two processors, since JDK 25 for these tasks, too. */
  private static final Executor THREADS = task -> new Thread(task, "peer").start();

  private static final int BYTES = 8 << 20;
  private static final int MTU = 1500;

  private static PlaneStage stage;

  @BeforeAll
  static void open() {
    stage = PlaneStage.warm(8);
  }

  @AfterAll
  static void close() {
    stage.close();
  }

  static Stream<Arguments> flows() {
    return Stream.of(FlowBridge.Kind.values())
        .flatMap(
            kind -> Stream.of(Arguments.of(kind, "10.9.9.9"), Arguments.of(kind, "2001:db8:1::9")));
  }

  @ParameterizedTest
  @MethodSource("flows")
  void bytesArriveBothWaysAndNoPacketIsDropped(FlowBridge.Kind kind, String destination) {
    try (ClientNetwork network = new ClientNetwork(MTU, kind.vnetHdr);
        FlowEnd end = new FlowEnd(network, kind)) {
      PlaneStage.Told told = stage.open(end.spec(7, MTU));
      try (TestPeer client = network.connect(destination, 443)) {
        AcceptedConnection accepted = told.next();
        boolean six = destination.contains(":");
        assertThat(accepted.client()).startsWith(six ? "[2001:db8::2]:" : "10.0.0.2:");
        assertThat(accepted.destination())
            .isEqualTo(six ? "[" + destination + "]:443" : destination + ":443");
        try (TestPeer server = new TestPeer(accepted.socket())) {
          exchange(client, server);
        }
      }
      FlowOutcome outcome = told.end();
      assertThat(outcome.packets().dropped()).isEmpty();
      assertThat(network.dropped()).isZero();
    }
  }

  private static void exchange(TestPeer client, TestPeer server) {
    byte[] up = new byte[BYTES];
    byte[] down = new byte[BYTES];
    new Random(1).nextBytes(up);
    new Random(2).nextBytes(down);
    CompletableFuture<Void> writes =
        CompletableFuture.allOf(
            CompletableFuture.runAsync(() -> write(client, up), THREADS),
            CompletableFuture.runAsync(() -> write(server, down), THREADS));
    CompletableFuture<byte[]> atClient =
        CompletableFuture.supplyAsync(new Reading(client)::all, THREADS);
    assertThat(new Reading(server).all()).isEqualTo(up);
    assertThat(atClient.join()).isEqualTo(down);
    writes.join();
  }

  private static void write(TestPeer peer, byte[] bytes) {
    new TestPeer(peer.socket()).write(bytes);
    peer.halfClose();
  }

  /** A peer of its own for the thread that reads. */
  private record Reading(TestPeer peer) {
    byte[] all() {
      return new TestPeer(peer.socket()).readAll();
    }
  }
}
