package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** A group that is frozen touches nothing, and goes on where it was. */
@DescriptorLeaks
class FreezeTest {

  @Test
  void nothingMovesWhileFrozenAndEverythingArrivesAfterwards() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp();
        Wire other = Wire.tcp()) {
      int group = stage.nextGroup();
      PlaneStage.Running relay = stage.relay(wire, false);
      stage.relay(other, false);
      KnownStream stream = new KnownStream(41);
      KnownStream expected = new KnownStream(41);
      for (int round = 0; round < 20; round++) {
        pump(wire, stream);
        stage.freeze(group);
        // What was delivered by then is all that comes until the thaw.
        long delivered = relay.relay().delivered(Side.A);
        pump(wire, stream);
        ping(other);
        assertThat(relay.relay().delivered(Side.A)).isEqualTo(delivered);
        expected.check(wire.peerB().read((int) (delivered - expected.position())));
        assertThat(wire.peerB().tryRead()).isEmpty();
        stage.thaw(group);
      }
      wire.peerA().halfClose();
      expected.check(wire.peerB().readAll());
      assertThat(expected.position()).isEqualTo(stream.position());
      assertThat(stage.abort(relay).aToB().delivered()).isEqualTo(stream.position());
    }
  }

  private static void pump(Wire wire, KnownStream stream) {
    for (int i = 0; i < 10; i++) {
      stream.skip(wire.peerA().tryWrite(stream.peek(20_000), 0));
    }
  }

  private static void ping(Wire wire) {
    wire.peerA().write(new byte[3]);
    wire.peerB().read(3);
    wire.peerB().write(new byte[4]);
    wire.peerA().read(4);
  }

  @Test
  void relayThatStartsInAFrozenGroupWaits() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp();
        Wire other = Wire.tcp()) {
      int group = stage.nextGroup();
      stage.freeze(group);
      stage.relay(wire, false);
      stage.relay(other, false);
      wire.peerA().write(new byte[100]);
      ping(other);
      assertThat(wire.peerB().tryRead()).isEmpty();
      stage.thaw(group);
      assertThat(wire.peerB().read(100)).hasSize(100);
    }
  }

  @Test
  void thawOfAGroupThatIsNotFrozenChangesNothing() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp()) {
      int group = stage.nextGroup();
      stage.relay(wire, false);
      stage.thaw(group);
      stage.freeze(group);
      stage.freeze(group);
      wire.peerA().write(new byte[100]);
      assertThat(Sockets.poll(wire.peerB().fd(), Sockets.POLLIN, 50)).isZero();
      stage.thaw(group);
      stage.thaw(group);
      assertThat(wire.peerB().read(100)).hasSize(100);
    }
  }

  /** Ended while frozen: the loop does not spin meanwhile, and the relay ends after the thaw. */
  @Test
  void relayThatIsEndedWhileFrozenEndsAfterTheThaw() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp()) {
      int group = stage.nextGroup();
      PlaneStage.Running relay = stage.relay(wire, false, 20);
      stage.freeze(group);
      relay.relay().end(EndReason.ABORTED);
      long thread = stage.vertx().call(() -> Thread.currentThread().getId());
      long before = ManagementFactory.getThreadMXBean().getThreadCpuTime(thread);
      // Longer than the second for which a relay that ends delivers.
      assertThat(Sockets.poll(wire.peerB().fd(), Sockets.POLLIN, 1_300)).isZero();
      long spent = ManagementFactory.getThreadMXBean().getThreadCpuTime(thread) - before;
      assertThat(spent / 1_000_000).as("CPU of the loop in ms").isLessThan(100);
      assertThat(relay.finished()).isNotDone();
      stage.thaw(group);
      assertThat(relay.outcome().reason()).isEqualTo(EndReason.ABORTED);
    }
  }

  /** A second counts from the end, however long the loop had nothing to do before. */
  @Test
  void relayThatEndsAfterALongSilenceStillDelivers() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp()) {
      PlaneStage.Running relay = stage.relay(wire, false);
      KnownStream stream = new KnownStream(42);
      do {
        int taken = wire.peerA().tryWrite(stream.peek(60_000), 0);
        stream.skip(taken);
      } while (Sockets.poll(wire.peerA().fd(), Sockets.POLLOUT, 1_100) != 0);
      relay.relay().end(EndReason.ABORTED);
      KnownStream expected = new KnownStream(42);
      while (!relay.finished().isDone()) {
        expected.check(wire.peerB().tryRead());
      }
      assertThat(relay.outcome().aToB().undeliveredBytes()).isZero();
    }
  }
}
