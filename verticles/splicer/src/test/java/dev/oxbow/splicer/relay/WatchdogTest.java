package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A caller that clears O_NONBLOCK through its copy of a socket loses that relay and no other. */
@DescriptorLeaks
class WatchdogTest {

  @Test
  void loopThatHangsInReadingIsFreedAndTheRelayEndsAsAnError() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp();
        Wire other = Wire.tcp()) {
      PlaneStage.Running relay = stage.relay(wire, false);
      PlaneStage.Running stays = stage.relay(other, false);
      Stall stall = stallReading(stage, wire);
      assertFreed(stage, other);
      RelayOutcome outcome = relay.outcome();
      assertThat(outcome.reason()).isEqualTo(EndReason.ERROR);
      assertThat(outcome.errno()).isPositive();
      assertThat(outcome.aToB().delivered() + outcome.aToB().undeliveredBytes())
          .isEqualTo(stall.sent);
      // The side that did not end was not told an end.
      new TestPeer(wire.b()).write(new byte[7]);
      wire.peerB().read((int) (outcome.aToB().delivered() - stall.read) + 7);
      assertThat(wire.peerB().atEnd()).isFalse();
      assertThat(stays.finished()).isNotDone();
      assertThat(stage.counters().stalls()).isEqualTo(1);
    }
  }

  /** How much was sent and read before the loop was freed. */
  private record Stall(long sent, long read) {}

  /** In the middle of a bulk stream the next splice waits for bytes that do not come. */
  private static Stall stallReading(PlaneStage stage, Wire wire) {
    TestPeer copyOfA = new TestPeer(wire.a());
    KnownStream stream = new KnownStream(51);
    KnownStream expected = new KnownStream(51);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (stage.plane().counters().stalls() == 0) {
      // The relay may set the flag again when it starts.
      copyOfA.nonBlocking(false);
      wire.peerA().write(stream.next(300_000));
      int left = 300_000;
      while (left > 0 && stage.plane().counters().stalls() == 0) {
        byte[] got = wire.peerB().tryRead();
        expected.check(got);
        left -= got.length;
        assertThat(System.nanoTime()).as("no stall came").isLessThan(deadline);
      }
      Sockets.poll(wire.peerB().fd(), Sockets.POLLIN, 150);
    }
    return new Stall(stream.position(), expected.position());
  }

  @Test
  void loopThatHangsInWritingIsFreedAndTheRelayEndsAsAnError() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp();
        Wire other = Wire.tcp()) {
      PlaneStage.Running relay = stage.relay(wire, false);
      wire.peerA().write(new byte[1]);
      wire.peerB().read(1);
      new TestPeer(wire.b()).nonBlocking(false);
      while (stage.plane().counters().stalls() == 0) {
        wire.peerA().fill();
      }
      stage.relay(other, false);
      assertFreed(stage, other);
      RelayOutcome outcome = relay.outcome();
      assertThat(outcome.reason()).isEqualTo(EndReason.ERROR);
      assertThat(outcome.endedBy()).isEqualTo(Side.B);
      assertThat(outcome.aToB().undeliveredBytes()).isPositive();
      closeUndelivered(outcome);
    }
  }

  private static void closeUndelivered(RelayOutcome outcome) {
    if (outcome.aToB().undelivered() != null) {
      outcome.aToB().undelivered().close();
    }
  }

  private static void assertFreed(PlaneStage stage, Wire other) {
    long start = System.nanoTime();
    other.peerA().write(new byte[10]);
    other.peerB().read(10);
    other.peerB().write(new byte[10]);
    other.peerA().read(10);
    assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(1_000);
    assertThat(stage.counters().stalls()).isPositive();
  }

  /** In a relay's turn for much longer than a stall, but not in splice(2). */
  @Test
  void leavesALoopAloneThatIsMerelySlow() {
    try (EpollVertx vertx = EpollVertx.open();
        Wire wire = Wire.tcp()) {
      DescriptorLoop loop = DescriptorLoop.of(vertx.context());
      RelayLoop slow =
          new RelayLoop(
              loop,
              loop,
              (uid, strays) -> Descriptor.closeAll(strays),
              0,
              0,
              PipeShare.unlimited(),
              0);
      Watchdog watchdog = new Watchdog(List.of(slow), 20);
      watchdog.start();
      vertx.call(
          () -> {
            slow.guard().bindThread();
            slow.enter(PlaneStage.unstarted(slow, wire));
            spin(200);
            slow.leave();
            return true;
          });
      watchdog.stop();
      vertx.run(slow::close);
      assertThat(watchdog.stalls()).isZero();
      wire.peerA().write(new byte[10]);
      assertThat(new TestPeer(wire.a()).read(10)).hasSize(10);
    }
  }

  private static void spin(long ms) {
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
    while (System.nanoTime() < until) {
      Thread.onSpinWait();
    }
  }

  @Test
  void claimHoldsATurnOpenUntilItIsGivenBack() throws InterruptedException {
    LoopGuard guard = new LoopGuard();
    assertThat(guard.claim(0)).isNull();
    Thread loop = new Thread(guard::leave);
    guard.enter(null);
    assertThat(guard.turns()).isEqualTo(1);
    assertThat(guard.claim(0)).as("another turn").isNull();
    assertThat(guard.inTurn()).isTrue();
    guard.claim(1);
    loop.start();
    loop.join(50);
    assertThat(loop.isAlive()).isTrue();
    guard.unclaim();
    loop.join(5_000);
    assertThat(guard.inTurn()).isFalse();
  }

  @Test
  void flagsAreGivenBackAsTheyWereAfterAStall() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp()) {
      PlaneStage.Running relay = stage.relay(wire, false);
      stallReading(stage, wire);
      relay.outcome();
      Await.until("the flag is as it was", () -> nonBlocking(wire) != 0);
    }
  }

  private static int nonBlocking(Wire wire) {
    return Syscalls.fcntl(wire.a().fd(), Syscalls.F_GETFL, 0) & Syscalls.O_NONBLOCK;
  }
}
