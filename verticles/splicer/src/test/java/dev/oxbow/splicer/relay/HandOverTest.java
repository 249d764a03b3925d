package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.Generation.Member;
import dev.oxbow.splicer.relay.Generation.Order;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A relay that another plane goes on with, from ledger, pipes and sockets alone. */
@DescriptorLeaks
class HandOverTest {
  private static final long ID = DataPlane.GROUPS * 77L;

  /** Writes until nothing moves any more: sockets and pipe are full then. */
  static void stuff(Wire wire, KnownStream stream) {
    do {
      int taken;
      do {
        taken = wire.peerA().tryWrite(stream.peek(50_000), 0);
        stream.skip(taken);
      } while (taken > 0);
    } while (Sockets.poll(wire.peerA().fd(), Sockets.POLLOUT, 50) != 0);
  }

  private static void read(Wire wire, KnownStream expected, long until) {
    while (expected.position() < until) {
      expected.check(wire.peerB().read((int) Math.min(30_011, until - expected.position())));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "TCP4_TCP6, false",
    "TCP6_UNIX, false",
    "UNIX_UNIX, false",
    "TCP4_TCP6, true",
    "UNIX_TCP4, true"
  })
  void bytesInThePipeArriveOnceAndInOrder(Wire.Pairing pairing, boolean guarded) {
    KnownStream stream = new KnownStream(51);
    KnownStream expected = new KnownStream(51);
    try (Wire wire = pairing.open();
        Generation first = new Generation()) {
      first.relay(ID, wire, guarded ? Order.GUARDED : Order.PLAIN);
      stuff(wire, stream);
      // What the destination does not take is in the pipe, until another hand tries again.
      assertThat(first.member(ID).relay().delivered(Side.A)).isLessThan(stream.position());
      try (Generation second = first.passOn()) {
        Member member = second.member(ID);
        assertThat(member.relay().delivered(Side.A)).isPositive();
        read(wire, expected, stream.position());
        wire.peerB().write(new byte[777]);
        assertThat(wire.peerA().read(777)).hasSize(777);
        stuff(wire, stream);
        wire.peerA().halfClose();
        expected.check(wire.peerB().readAll());
        wire.peerB().halfClose();
        RelayOutcome outcome = member.outcome();
        assertThat(outcome.reason()).isEqualTo(EndReason.EOF);
        assertThat(outcome.endedBy()).isEqualTo(Side.A);
        assertThat(outcome.aToB().delivered()).isEqualTo(stream.position());
        assertThat(outcome.bToA().delivered()).isEqualTo(777);
        assertThat(expected.position()).isEqualTo(stream.position());
      }
    }
  }

  @Test
  void manyGenerationsLoseNothing() {
    Random random = new Random(52);
    KnownStream stream = new KnownStream(52);
    KnownStream expected = new KnownStream(52);
    Generation now = new Generation();
    try (Wire wire = Wire.tcp()) {
      now.relay(ID, wire, Order.PLAIN);
      for (int i = 0; i < 20; i++) {
        for (int chunk = random.nextInt(40); chunk > 0; chunk--) {
          stream.skip(wire.peerA().tryWrite(stream.peek(20_000), 0));
          expected.check(wire.peerB().tryRead());
        }
        now = now.passOn();
      }
      wire.peerA().halfClose();
      expected.check(wire.peerB().readAll());
      assertThat(expected.position()).isEqualTo(stream.position());
      wire.peerB().halfClose();
      assertThat(now.member(ID).outcome().aToB().delivered()).isEqualTo(stream.position());
    } finally {
      now.close();
    }
  }

  @Test
  void halfClosedRelayGoesOnInTheOtherDirection() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      wire.peerA().write(new byte[10]);
      wire.peerA().halfClose();
      assertThat(wire.peerB().readAll()).hasSize(10);
      try (Generation second = first.passOn()) {
        wire.peerB().write(new byte[200_000]);
        assertThat(wire.peerA().read(200_000)).hasSize(200_000);
        wire.peerB().halfClose();
        assertThat(wire.peerA().readAll()).isEmpty();
        RelayOutcome outcome = second.member(ID).outcome();
        assertThat(outcome.reason()).isEqualTo(EndReason.EOF);
        assertThat(outcome.endedBy()).isEqualTo(Side.A);
      }
    }
  }

  @Test
  void endThatWasSeenBehindWaitingBytesIsPassedOnByTheHeir() {
    KnownStream stream = new KnownStream(53);
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      stuff(wire, stream);
      wire.peerA().halfClose();
      try (Generation second = first.passOn()) {
        KnownStream expected = new KnownStream(53);
        expected.check(wire.peerB().readAll());
        assertThat(expected.position()).isEqualTo(stream.position());
        assertThat(second.member(ID).isFinished()).isFalse();
      }
    }
  }

  /** Whoever ends while two have the descriptors waits: only who stays may give them back. */
  @Test
  void relayThatEndsWhileSharedIsToldByTheHeir() {
    try (Wire wire = Wire.tcp();
        Wire other = Wire.tcp();
        Generation first = new Generation()) {
      Member reset = first.relay(ID, wire, Order.PLAIN);
      Member ended = first.relay(ID + 1, other, Order.PLAIN);
      wire.peerA().write(new byte[100]);
      assertThat(wire.peerB().read(100)).hasSize(100);
      first.share();
      try (Generation second = first.heir()) {
        wire.peerA().reset();
        other.peerA().halfClose();
        assertThat(other.peerB().readAll()).isEmpty();
        first.freeze();
        second.thaw();
        other.peerB().halfClose();
        assertThat(other.peerA().readAll()).isEmpty();
        assertThat(second.member(ID).isFinished()).isFalse();
        assertThat(second.member(ID + 1).isFinished()).isFalse();
        first.leave();
        second.alone();
        RelayOutcome outcome = second.member(ID).outcome();
        assertThat(outcome.reason()).isEqualTo(EndReason.RESET);
        assertThat(outcome.endedBy()).isEqualTo(Side.A);
        assertThat(outcome.aToB().delivered()).isEqualTo(100);
        assertThat(second.member(ID + 1).outcome().reason()).isEqualTo(EndReason.EOF);
        assertThat(reset.isFinished() || ended.isFinished()).isFalse();
      }
    }
  }

  @Test
  void relayThatEndsWhileSharedIsToldWhenNobodyTookOver() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      Member member = first.relay(ID, wire, Order.PLAIN);
      first.share();
      wire.peerA().halfClose();
      wire.peerB().halfClose();
      assertThat(wire.peerA().readAll()).isEmpty();
      assertThat(wire.peerB().readAll()).isEmpty();
      assertThat(member.isFinished()).isFalse();
      first.alone();
      assertThat(member.outcome().reason()).isEqualTo(EndReason.EOF);
    }
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void whoRollsBackGoesOnWhereTheOtherStopped(boolean guarded) {
    KnownStream stream = new KnownStream(54);
    KnownStream expected = new KnownStream(54);
    try (Wire wire = Wire.tcp();
        Wire ending = Wire.tcp();
        Generation first = new Generation()) {
      Member member = first.relay(ID, wire, guarded ? Order.GUARDED : Order.PLAIN);
      Member over = first.relay(ID + 1, ending, Order.PLAIN);
      stuff(wire, stream);
      first.share();
      Generation second = first.heir();
      first.freeze();
      second.thaw();
      read(wire, expected, stream.position() / 2);
      stuff(wire, stream);
      ending.peerA().write(new byte[5000]);
      ending.peerA().halfClose();
      assertThat(ending.peerB().readAll()).hasSize(5000);
      ending.peerB().reset();
      assertThat(Sockets.poll(ending.peerA().fd(), Sockets.POLLIN, 100)).isNotNegative();
      second.leave();
      first.thaw();
      first.alone();
      read(wire, expected, stream.position());
      wire.peerB().write(new byte[9]);
      assertThat(wire.peerA().read(9)).hasSize(9);
      assertThat(over.outcome().reason()).isEqualTo(EndReason.RESET);
      assertThat(over.outcome().aToB().delivered()).isEqualTo(5000);
      member.relay().end(EndReason.ABORTED);
      assertThat(member.outcome().aToB().delivered()).isEqualTo(stream.position());
    }
  }

  @Test
  void preludeIsToldOnceByWhoeverHasTheRelay() {
    byte[] prelude = new KnownStream(55).next(700_000);
    try (Wire wire = Wire.Pairing.UNIX_UNIX.open();
        Generation first = new Generation()) {
      Member before = first.relay(ID, wire, new Order(false, prelude, 0, 0, 0, 0));
      Await.until(
          "some of it is written", () -> Sockets.poll(wire.peerB().fd(), Sockets.POLLIN, 0) != 0);
      first.share();
      try (Generation second = first.heir()) {
        Member member = second.member(ID);
        assertThat(member.relay().prelude(Side.B)).isEqualTo(700_000);
        assertThat(member.relay().prelude(Side.A)).isZero();
        first.freeze();
        second.thaw();
        first.leave();
        second.alone();
        wire.peerA().write(new byte[] {1, 2, 3});
        new KnownStream(55).check(wire.peerB().read(700_000));
        assertThat(wire.peerB().read(3)).containsExactly(1, 2, 3);
        Await.until("told", () -> !member.preludes().isEmpty());
        assertThat(member.preludes()).containsExactly(Side.B);
        assertThat(member.relay().prelude(Side.B)).isZero();
        assertThat(member.relay().delivered(Side.A)).isEqualTo(3);
        assertThat(before.preludes()).isEmpty();
      }
    }
  }

  /** The heir counts it when it is handed the relay, and the other one may write it after that. */
  @Test
  void preludeThatIsWrittenBeforeTheSwitchIsToldByTheHeirToo() {
    try (Wire wire = Wire.Pairing.UNIX_UNIX.open();
        Generation first = new Generation()) {
      first.relay(ID, wire, new Order(false, new byte[700_000], 0, 0, 0, 0));
      first.share();
      try (Generation second = first.heir()) {
        assertThat(second.member(ID).relay().prelude(Side.B)).isEqualTo(700_000);
        assertThat(wire.peerB().read(700_000)).hasSize(700_000);
        first.freeze();
        second.thaw();
        Await.until("told", () -> !second.member(ID).preludes().isEmpty());
        first.leave();
        second.alone();
        assertThat(second.member(ID).preludes()).containsExactly(Side.B);
      }
    }
  }

  /** While two have the sockets neither may block; afterwards the flags are as they were. */
  @Test
  void guardedSocketsDoNotBlockWhileShared() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.GUARDED);
      assertThat(nonBlocking(wire.a()) || nonBlocking(wire.b())).isFalse();
      first.share();
      try (Generation second = first.heir()) {
        assertThat(nonBlocking(wire.a()) && nonBlocking(wire.b())).isTrue();
        first.freeze();
        second.thaw();
        first.leave();
        assertThat(nonBlocking(wire.a()) && nonBlocking(wire.b())).isTrue();
        second.alone();
        assertThat(nonBlocking(wire.a()) || nonBlocking(wire.b())).isFalse();
        wire.peerA().write(new byte[10]);
        assertThat(wire.peerB().read(10)).hasSize(10);
      }
      assertThat(nonBlocking(wire.a()) || nonBlocking(wire.b())).isFalse();
    }
  }

  private static boolean nonBlocking(Descriptor socket) {
    return (Syscalls.fcntl(socket.fd(), Syscalls.F_GETFL, 0) & Syscalls.O_NONBLOCK) != 0;
  }

  /** Splice would close what is attached: those bytes wait until one process is alone. */
  @Test
  void bytesWithDescriptorsWaitWhileShared() {
    try (Wire wire = Wire.Pairing.UNIX_TCP4.open();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      first.share();
      wire.peerA().write(new byte[1000]);
      assertThat(wire.peerB().read(1000)).hasSize(1000);
      new PacketBuffer().send(wire.peerA().fd(), new byte[7], List.of(wire.a()));
      wire.peerA().write(new byte[300]);
      try (Generation second = first.heir()) {
        first.freeze();
        second.thaw();
        assertThat(Sockets.poll(wire.peerB().fd(), Sockets.POLLIN, 100)).isZero();
        first.leave();
        second.alone();
        assertThat(wire.peerB().read(307)).hasSize(307);
        Await.until("given out", () -> second.strays() == 1);
        assertThat(first.strays()).isZero();
      }
    }
  }

  @Test
  void peerThatIsGoneIsNotTakenForAnErrorByTheHeir() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      first.share();
      try (Generation second = first.heir()) {
        first.freeze();
        wire.peerB().reset();
        wire.peerA().write(new byte[10]);
        second.thaw();
        first.leave();
        second.alone();
        RelayOutcome outcome = second.member(ID).outcome();
        assertThat(outcome.reason()).isEqualTo(EndReason.RESET);
        assertThat(outcome.endedBy()).isEqualTo(Side.B);
        assertThat(outcome.errno()).isNotEqualTo(Errno.ENOMEM);
      }
    }
  }
}
