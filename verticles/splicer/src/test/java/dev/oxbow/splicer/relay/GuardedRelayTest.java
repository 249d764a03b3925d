package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.load.Conversation;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Relays between sockets that block, as an untrusted caller may make them at any time. */
@DescriptorLeaks
class GuardedRelayTest {

  @Test
  void relaysRandomTrafficUnchanged() {
    long seed = System.nanoTime();
    System.out.println("GuardedRelayTest.relaysRandomTrafficUnchanged: seed " + seed);
    Random random = new Random(seed);
    Wire.Pairing[] pairings = Wire.Pairing.values();
    List<Wire> wires = new ArrayList<>();
    try (PlaneStage stage = new PlaneStage()) {
      Conversation conversation = new Conversation(random);
      List<PlaneStage.Running> relays = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        Wire wire = pairings[i % pairings.length].open();
        wires.add(wire);
        conversation.add(
            wire.pairA().far(), wire.pairB().far(), random.nextInt(700_000), random.nextInt(9_000));
        relays.add(stage.relay(wire, true));
      }
      conversation.run();
      for (PlaneStage.Running relay : relays) {
        assertThat(relay.outcome().reason()).isEqualTo(EndReason.EOF);
      }
      assertThat(stage.counters().stalls()).isZero();
    } finally {
      wires.forEach(Wire::close);
    }
  }

  @ParameterizedTest
  @EnumSource
  void readerThatStopsStopsTheWriterAndNotTheLoop(Wire.Pairing pairing) {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = pairing.open();
        Wire other = Wire.tcp()) {
      PlaneStage.Running relay = stage.relay(wire, true);
      stage.relay(other, true);
      KnownStream stream = new KnownStream(31);
      do {
        int taken;
        do {
          taken = wire.peerA().tryWrite(stream.peek(50_000), 0);
          stream.skip(taken);
        } while (taken > 0);
      } while (Sockets.poll(wire.peerA().fd(), Sockets.POLLOUT, 60) != 0);
      other.peerA().write(new byte[1000]);
      assertThat(other.peerB().read(1000)).hasSize(1000);
      long sent = stream.position();
      KnownStream expected = new KnownStream(31);
      while (expected.position() < sent) {
        expected.check(wire.peerB().read((int) Math.min(30_011, sent - expected.position())));
      }
      assertThat(stage.abort(relay).aToB().delivered()).isEqualTo(sent);
      assertThat(stage.counters().stalls()).isZero();
    }
  }

  @Test
  void leavesTheFlagsOfItsSocketsAlone() {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp()) {
      PlaneStage.Running relay = stage.relay(wire, true);
      wire.peerA().write(new byte[10]);
      wire.peerB().read(10);
      stage.abort(relay);
      assertThat(flags(wire.a().fd()) & Syscalls.O_NONBLOCK).isZero();
      assertThat(flags(wire.b().fd()) & Syscalls.O_NONBLOCK).isZero();
    }
  }

  private static int flags(int fd) {
    return Syscalls.fcntl(fd, Syscalls.F_GETFL, 0);
  }
}
