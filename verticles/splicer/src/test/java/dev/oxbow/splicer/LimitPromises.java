package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.Side;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The four limits. */
interface LimitPromises extends SplicerStage {

  @Test
  default void endsARelayInWhichNothingMoves() {
    try (Wire wire = Wire.tcp();
        SpliceReport report = report(splice(request(wire).setIdleTimeoutMs(80)))) {
      assertThat(report.reason()).isEqualTo(EndReason.IDLE);
      assertThat(report.endedBy()).isNull();
      assertThat(report.durationMs()).isBetween(80L, 5_000L);
    }
  }

  @Test
  default void isNotIdleWhileBytesMoveInOneDirection() {
    long idleMs = 150;
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(request(wire).setIdleTimeoutMs(idleMs));
      long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(3 * idleMs);
      long count = 0;
      while (System.nanoTime() < until) {
        wire.peerB().write(new byte[1]);
        wire.peerA().read(1);
        count++;
      }
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.IDLE);
        assertThat(report.durationMs()).isGreaterThanOrEqualTo(4 * idleMs - 1);
        assertThat(report.bytesBToA()).isEqualTo(count);
      }
    }
  }

  @Test
  default void endsAHalfClosedRelayInWhichNothingMoves() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(request(wire).setHalfCloseTimeoutMs(80));
      wire.peerA().halfClose();
      assertThat(wire.peerB().readAll()).isEmpty();
      wire.peerB().write(new byte[5]);
      wire.peerA().read(5);
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.HALF_CLOSE_TIMEOUT);
        assertThat(report.endedBy()).isEqualTo(Side.A);
        assertThat(report.durationMs()).isGreaterThanOrEqualTo(80);
        assertThat(report.bytesBToA()).isEqualTo(5);
      }
    }
  }

  @Test
  default void halfCloseTimeoutDoesNotConcernARelayThatIsOpenBothWays() {
    try (Wire wire = Wire.tcp()) {
      SpliceRequest request = request(wire).setHalfCloseTimeoutMs(20).setMaxDurationMs(150);
      try (SpliceReport report = report(splice(request))) {
        assertThat(report.reason()).isEqualTo(EndReason.MAX_DURATION);
      }
    }
  }

  @Test
  default void endsABusyRelayAfterItsLongestDuration() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(request(wire).setMaxDurationMs(120));
      long sent = 0;
      while (!relay.finished().isComplete()) {
        sent += wire.peerA().tryWrite(new byte[1000], 0);
        wire.peerB().tryRead();
      }
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.MAX_DURATION);
        assertThat(report.durationMs()).isBetween(120L, 5_000L);
        assertThat(report.bytesAToB()).isBetween(1L, sent);
      }
    }
  }

  @Test
  default void movesExactlyAsManyBytesAsItMayInBothDirectionsTogether() {
    int each = 300_000;
    int most = 400_001;
    try (Wire wire = Wire.tcp()) {
      KnownStream fromA = new KnownStream(6);
      KnownStream fromB = new KnownStream(7);
      // All of it is there before the relay begins, in buffers that are large enough.
      int inA = wire.peerA().tryWrite(fromA.peek(each), 0);
      int inB = wire.peerB().tryWrite(fromB.peek(each), 0);
      assertThat(inA + inB).isGreaterThan(most);
      try (SpliceReport report = report(splice(request(wire).setMaxBytes(most)))) {
        assertThat(report.reason()).isEqualTo(EndReason.MAX_BYTES);
        assertThat(report.a().undelivered()).isNull();
        assertThat(report.b().undelivered()).isNull();
        assertThat(report.bytesAToB() + report.bytesBToA()).isEqualTo(most);
        // What was delivered arrives, and what was not read is still in the returned sockets.
        check(new KnownStream(6), wire.peerB(), report.bytesAToB(), report.a(), inA);
        check(new KnownStream(7), wire.peerA(), report.bytesBToA(), report.b(), inB);
      }
    }
  }

  private static void check(
      KnownStream stream, TestPeer receiver, long delivered, SpliceReport.End source, int sent) {
    stream.check(receiver.read((int) delivered));
    stream.check(new TestPeer(source.socket()).read((int) (sent - delivered)));
    assertThat(receiver.tryRead()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 16_384, 70_000})
  default void endsWithTheLastByteThatItMayMove(int most) {
    try (Wire wire = Wire.Pairing.UNIX_TCP4.open()) {
      Relay relay = splice(request(wire).setMaxBytes(most));
      wire.peerA().write(new KnownStream(8).next(most));
      new KnownStream(8).check(wire.peerB().read(most));
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.MAX_BYTES);
        assertThat(report.bytesAToB()).isEqualTo(most);
      }
    }
  }

  @Test
  default void preludeIsNoPartOfTheMostBytes() {
    try (Wire wire = Wire.tcp()) {
      SpliceRequest request = request(wire).setMaxBytes(10);
      Relay relay = splice(request.setPreludeToB(io.vertx.core.buffer.Buffer.buffer("prelude")));
      wire.peerA().write(new byte[30]);
      assertThat(wire.peerB().read(17))
          .startsWith("prelude".getBytes(java.nio.charset.StandardCharsets.UTF_8));
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.MAX_BYTES);
        assertThat(report.bytesAToB()).isEqualTo(10);
      }
    }
  }

  @Test
  default void takesTheLongestLimitsThatThereAre() {
    try (Wire wire = Wire.tcp()) {
      SpliceRequest request =
          request(wire)
              .setIdleTimeoutMs(Long.MAX_VALUE)
              .setHalfCloseTimeoutMs(Long.MAX_VALUE / 1_000_000)
              .setMaxDurationMs(Long.MAX_VALUE - 1)
              .setMaxBytes(Long.MAX_VALUE);
      Relay relay = splice(request);
      wire.peerA().write(new byte[3]);
      wire.peerB().read(3);
      try (SpliceReport report = abort(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
        assertThat(report.bytesAToB()).isEqualTo(3);
      }
    }
  }
}
