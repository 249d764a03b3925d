package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.Generation.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A process can be killed between a system call and the note of it. Each test writes the record
 * back to what it was before such a note, and lets another plane go on.
 */
@DescriptorLeaks
class HandOverKillTest {
  private static final long ID = DataPlane.GROUPS * 99L;
  private static final int A_TO_B = 0;

  /** What a killed process has left undone. */
  private interface Undone {
    void in(RelayRecord record);
  }

  private static void check(Undone undone) {
    KnownStream stream = new KnownStream(61);
    KnownStream expected = new KnownStream(61);
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      HandOverTest.stuff(wire, stream);
      first.share();
      try (Generation second = first.heir()) {
        first.freeze();
        RelayRecord record = first.record(ID);
        long delivered = record.delivered(A_TO_B);
        assertThat(record.pipe(A_TO_B)).isNotEqualTo(PipePool.NONE);
        undone.in(record);
        first.leave();
        second.thaw();
        // The destination may take more at once; what it has is told by the stream itself.
        assertThat(record.delivered(A_TO_B)).isGreaterThanOrEqualTo(delivered);
        second.alone();
        wire.peerA().halfClose();
        expected.check(wire.peerB().readAll());
        wire.peerB().halfClose();
        assertThat(expected.position()).isEqualTo(stream.position());
        assertThat(second.member(ID).outcome().aToB().delivered()).isEqualTo(stream.position());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4096, Integer.MAX_VALUE})
  void bytesReadIntoThePipeAndNotNoted(int bytes) {
    check(
        record -> {
          long pending = record.in(A_TO_B) - record.out(A_TO_B);
          record.in(A_TO_B, record.in(A_TO_B) - Math.min(bytes, pending));
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4096, 65_536})
  void bytesWrittenFromThePipeAndNotNoted(int bytes) {
    check(record -> record.out(A_TO_B, record.out(A_TO_B) - bytes));
  }

  /** Written to the last byte, and neither that nor the pipe's return is noted. */
  @Test
  void lastBytesOfThePipeWrittenAndNotNoted() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      first.share();
      wire.peerA().write(new byte[5000]);
      assertThat(wire.peerB().read(5000)).hasSize(5000);
      try (Generation second = first.heir()) {
        first.freeze();
        RelayRecord record = first.record(ID);
        record.out(A_TO_B, record.out(A_TO_B) - 5000);
        record.pipe(A_TO_B, 0);
        first.leave();
        second.thaw();
        assertThat(record.out(A_TO_B)).isEqualTo(5000);
        assertThat(record.pipe(A_TO_B)).isEqualTo(PipePool.NONE);
        second.alone();
        wire.peerA().write(new byte[10]);
        assertThat(wire.peerB().read(10)).hasSize(10);
        Await.until("counted", () -> second.member(ID).relay().delivered(Side.A) == 5010);
      }
    }
  }

  /** A pipe was chosen and named, and nothing read into it yet. */
  @Test
  void pipeTakenAndNotFilled() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      first.share();
      try (Generation second = first.heir()) {
        first.freeze();
        RelayRecord record = first.record(ID);
        record.pipe(A_TO_B, 0);
        first.leave();
        second.thaw();
        assertThat(record.pipe(A_TO_B)).isEqualTo(PipePool.NONE);
        second.alone();
        DataPlane.Counters counters = second.counters();
        assertThat(counters.idlePipes()).isEqualTo(counters.pipes());
      }
    }
  }

  /** The end was noted, and the other side not told. */
  @Test
  void endNotedAndNotPassedOn() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      first.share();
      try (Generation second = first.heir()) {
        first.freeze();
        wire.peerA().halfClose();
        first.record(ID).addEnds(A_TO_B, RelayRecord.SOURCE_ENDED | RelayRecord.SHUT_DOWN);
        first.leave();
        second.thaw();
        assertThat(wire.peerB().readAll()).isEmpty();
        second.alone();
        wire.peerB().halfClose();
        assertThat(second.member(ID).outcome().reason()).isEqualTo(EndReason.EOF);
      }
    }
  }

  /** Its end was noted, and nobody was told. */
  @Test
  void relayOverAndNotGivenBack() {
    try (Wire wire = Wire.tcp();
        Generation first = new Generation()) {
      first.relay(ID, wire, Order.PLAIN);
      first.share();
      try (Generation second = first.heir()) {
        first.freeze();
        RelayRecord record = first.record(ID);
        record.ending(EndReason.MAX_DURATION, System.nanoTime());
        record.over(System.nanoTime());
        first.leave();
        second.thaw();
        assertThat(second.member(ID).isFinished()).isFalse();
        second.alone();
        assertThat(second.member(ID).outcome().reason()).isEqualTo(EndReason.MAX_DURATION);
      }
    }
  }
}
