package dev.oxbow.splicer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.Side;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Ends in order, half-closes and resets. */
interface EndPromises extends SplicerStage {
  int SOME_BYTES = 150_000;

  @ParameterizedTest
  @EnumSource
  default void passesOnAnEndOfAAndWhatBSaysAfterIt(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      halfCloses(wire, wire.peerA(), wire.peerB(), Side.A);
    }
  }

  @ParameterizedTest
  @EnumSource
  default void passesOnAnEndOfBAndWhatASaysAfterIt(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      halfCloses(wire, wire.peerB(), wire.peerA(), Side.B);
    }
  }

  private void halfCloses(Wire wire, TestPeer first, TestPeer second, Side endedBy) {
    Relay relay = splice(wire);
    first.write("request".getBytes(UTF_8));
    first.halfClose();
    assertThat(second.readAll()).asString().isEqualTo("request");
    KnownStream answer = new KnownStream(3);
    for (int i = 0; i < 5; i++) {
      second.write(answer.next(SOME_BYTES / 5));
      assertThat(first.read(SOME_BYTES / 5)).isNotEmpty();
    }
    assertThat(relay.finished().isComplete()).isFalse();
    second.write("bye".getBytes(UTF_8));
    second.halfClose();
    assertThat(first.readAll()).asString().isEqualTo("bye");
    try (SpliceReport report = report(relay)) {
      assertThat(report.reason()).isEqualTo(EndReason.EOF);
      assertThat(report.endedBy()).isEqualTo(endedBy);
      assertThat(report.bytesAToB() + report.bytesBToA()).isEqualTo(SOME_BYTES + 10);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TCP4_TCP6", "TCP6_UNIX"})
  default void deliversTheLastBytesOfASideThatResets(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      Relay relay = splice(wire);
      byte[] last = new KnownStream(4).next(SOME_BYTES / 3);
      wire.peerA().write(last);
      wire.peerA().reset();
      assertThat(wire.peerB().read(last.length)).isEqualTo(last);
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.RESET);
        assertThat(report.endedBy()).isEqualTo(Side.A);
        assertThat(report.bytesAToB()).isEqualTo(last.length);
        assertUsable(report.b(), wire.peerB());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TCP4_TCP6", "UNIX_TCP4"})
  default void seesAResetOfBWhileIdle(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      Relay relay = splice(wire);
      wire.peerA().write("x".getBytes(UTF_8));
      wire.peerB().read(1);
      wire.peerB().reset();
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.RESET);
        assertThat(report.endedBy()).isEqualTo(Side.B);
        assertUsable(report.a(), wire.peerA());
      }
    }
  }

  @Test
  default void seesAResetAfterAHalfClose() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(wire);
      wire.peerA().write("request".getBytes(UTF_8));
      wire.peerA().halfClose();
      assertThat(wire.peerB().readAll()).asString().isEqualTo("request");
      wire.peerB().write("part".getBytes(UTF_8));
      assertThat(wire.peerA().read(4)).asString().isEqualTo("part");
      wire.peerA().reset();
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.RESET);
        assertThat(report.endedBy()).isEqualTo(Side.A);
        assertThat(report.bytesBToA()).isEqualTo(4);
      }
    }
  }

  /** The peer closes without reading; what is sent to it afterwards is answered with a RST. */
  @Test
  default void seesAResetOfAPeerThatHasClosedWhenItIsWrittenTo() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(wire);
      wire.peerB().close();
      assertThat(wire.peerA().readAll()).isEmpty();
      wire.peerA().write("too late".getBytes(UTF_8));
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.RESET);
        assertThat(report.endedBy()).isEqualTo(Side.B);
      }
    }
  }

  @Test
  default void deliversWhatAUnixPeerSaidBeforeItClosedWithUnreadBytes() {
    try (Wire wire = Wire.Pairing.TCP6_UNIX.open()) {
      Relay relay = splice(wire);
      wire.peerA().write("never read".getBytes(UTF_8));
      Await.until("the bytes are there", () -> Syscalls.bytesWaiting(wire.peerB().fd()) == 10);
      byte[] last = new KnownStream(5).next(SOME_BYTES / 3);
      wire.peerB().write(last);
      wire.peerB().close();
      assertThat(wire.peerA().read(last.length)).isEqualTo(last);
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.RESET);
        assertThat(report.endedBy()).isEqualTo(Side.B);
        assertThat(report.bytesBToA()).isEqualTo(last.length);
        assertUsable(report.a(), wire.peerA());
      }
    }
  }

  /** The caller has ended its direction of a before it handed the socket over. */
  @Test
  default void endOfASocketThatWasHalfClosedBeforeIsNoReset() {
    try (Wire wire = Wire.tcp()) {
      new TestPeer(wire.a()).halfClose();
      Relay relay = splice(wire);
      wire.peerA().write("only".getBytes(UTF_8));
      wire.peerA().halfClose();
      assertThat(wire.peerB().readAll()).asString().isEqualTo("only");
      wire.peerB().halfClose();
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.EOF);
        assertThat(report.bytesAToB()).isEqualTo(4);
      }
    }
  }

  /** The other socket comes back as it is: not shut down, and both ways open. */
  private static void assertUsable(SpliceReport.End end, TestPeer peer) {
    TestPeer mine = new TestPeer(end.socket());
    mine.write("still here".getBytes(UTF_8));
    assertThat(peer.read(10)).asString().isEqualTo("still here");
    peer.write("so am I".getBytes(UTF_8));
    assertThat(mine.read(7)).asString().isEqualTo("so am I");
  }
}
