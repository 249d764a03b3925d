package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.Generation.Member;
import dev.oxbow.splicer.relay.Generation.Order;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a relay may still do, and with how many pipes, is the same for who goes on with it. */
@DescriptorLeaks
class HandOverLimitsTest {
  private static final long ID = DataPlane.GROUPS * 55L;
  private static final int PIPES_OF_A_GROUP = 16;

  @Test
  void limitsOfTimeCountFromTheBeginningAndNotFromTheSwitch() {
    try (Wire idle = Wire.tcp();
        Wire half = Wire.tcp();
        Wire old = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, idle, new Order(false, new byte[0], 2500, 0, 0, 0));
      first.relay(ID + 1, half, new Order(false, new byte[0], 0, 2500, 0, 0));
      first.relay(ID + 2, old, new Order(false, new byte[0], 0, 0, 2500, 0));
      half.peerA().halfClose();
      assertThat(half.peerB().readAll()).isEmpty();
      assertThat(Sockets.poll(idle.peerB().fd(), Sockets.POLLIN, 1500)).isZero();
      try (Generation second = first.passOn()) {
        check(second.member(ID), EndReason.IDLE);
        check(second.member(ID + 1), EndReason.HALF_CLOSE_TIMEOUT);
        check(second.member(ID + 2), EndReason.MAX_DURATION);
      }
    }
  }

  /** Counted anew it would be 4000. */
  private static void check(Member member, EndReason reason) {
    RelayOutcome outcome = member.outcome();
    assertThat(outcome.reason()).isEqualTo(reason);
    assertThat(outcome.durationNanos() / 1_000_000).isBetween(2500L, 3900L);
  }

  @Test
  void limitOfBytesCountsThoseOfBoth() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, new Order(false, new byte[0], 0, 0, 0, 100_000));
      wire.peerA().write(new byte[60_000]);
      assertThat(wire.peerB().read(60_000)).hasSize(60_000);
      try (Generation second = first.passOn()) {
        wire.peerA().write(new byte[60_000]);
        assertThat(wire.peerB().read(40_000)).hasSize(40_000);
        RelayOutcome outcome = second.member(ID).outcome();
        assertThat(outcome.reason()).isEqualTo(EndReason.MAX_BYTES);
        assertThat(outcome.aToB().delivered()).isEqualTo(100_000);
      }
    }
  }

  /** Relays of one group, each with a pipe that its reader does not empty, until none is left. */
  private static void occupy(List<Wire> wires, List<KnownStream> streams, Generation plane) {
    for (int i = 0; i < PIPES_OF_A_GROUP; i++) {
      wires.add(Wire.Pairing.UNIX_UNIX.open());
      streams.add(new KnownStream(70 + i));
      plane.relay(ID + (long) i * DataPlane.GROUPS, wires.get(i), Order.PLAIN);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void groupWithoutAnIdlePipeGoesOnWhenOneIsFreeOrMayBeMade(boolean freed) {
    List<Wire> wires = new ArrayList<>();
    List<KnownStream> streams = new ArrayList<>();
    try (Wire starving = Wire.Pairing.UNIX_UNIX.open();
        Wire quiet = Wire.Pairing.UNIX_UNIX.open();
        Generation first = new Generation()) {
      occupy(wires, streams, first);
      long last = ID + (long) PIPES_OF_A_GROUP * DataPlane.GROUPS;
      first.relay(last, starving, Order.PLAIN);
      first.relay(last + DataPlane.GROUPS, quiet, Order.PLAIN);
      first.share();
      try (Generation second = first.heir()) {
        first.freeze();
        second.thaw();
        for (int i = 0; i < PIPES_OF_A_GROUP; i++) {
          HandOverTest.stuff(wires.get(i), streams.get(i));
        }
        assertThat(second.counters().idlePipes()).isZero();
        // Two wait, and one of them will have no use for a pipe.
        quiet.peerA().write(new byte[100]);
        starving.peerA().write(new byte[100]);
        assertThat(Sockets.poll(starving.peerB().fd(), Sockets.POLLIN, 50)).isZero();
        assertThat(quiet.peerB().tryRead()).isEmpty();
        second.member(last + DataPlane.GROUPS).relay().end(EndReason.ABORTED);
        if (freed) {
          new KnownStream(70).check(wires.get(0).peerB().read((int) streams.get(0).position()));
          assertThat(starving.peerB().read(100)).hasSize(100);
        }
        assertThat(second.counters().pipes()).isEqualTo(PIPES_OF_A_GROUP);
        first.leave();
        second.alone();
        if (!freed) {
          assertThat(starving.peerB().read(100)).hasSize(100);
        }
        for (int i = freed ? 1 : 0; i < PIPES_OF_A_GROUP; i++) {
          new KnownStream(70 + i).check(wires.get(i).peerB().read((int) streams.get(i).position()));
        }
        Member ended = second.member(last + DataPlane.GROUPS);
        assertThat(ended.outcome().reason()).isEqualTo(EndReason.ABORTED);
      }
    } finally {
      wires.forEach(Wire::close);
    }
  }
}
