package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Relays that end early while bytes are under way. */
interface AbortPromises extends SplicerStage {

  /** Delivered, undelivered and unread bytes together are the stream that the peer sent. */
  @ParameterizedTest
  @EnumSource(names = {"TCP4_TCP6", "UNIX_TCP4"})
  default void abortReturnsWhatCouldNotBeDelivered(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      Relay relay = splice(wire);
      long sent = fill(wire.peerA(), new KnownStream(11));
      long start = System.nanoTime();
      try (SpliceReport report = abort(relay)) {
        assertThat((System.nanoTime() - start) / 1_000_000).isBetween(900L, 5_000L);
        assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
        assertThat(report.endedBy()).isNull();
        assertThat(report.a().undeliveredBytes()).isPositive();
        assertThat(report.b().undelivered()).isNull();
        assertThat(report.b().undeliveredBytes()).isZero();
        assertThat(report.descriptors()).hasSize(3);
        KnownStream expected = new KnownStream(11);
        expected.check(wire.peerB().read((int) report.bytesAToB()));
        Descriptor pipe = report.a().undelivered();
        assertThat(SplicerStage.flags(pipe) & Syscalls.O_NONBLOCK).isZero();
        byte[] undelivered = readPipe(pipe);
        assertThat(undelivered).hasSize((int) report.a().undeliveredBytes());
        expected.check(undelivered);
        TestPeer a = new TestPeer(report.a().socket());
        expected.check(a.read((int) (sent - expected.position())));
        assertThat(wire.peerB().tryRead()).isEmpty();
      }
    }
  }

  @Test
  default void abortDeliversForAWhileWhatWasAlreadyRead() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(wire);
      long sent = fill(wire.peerA(), new KnownStream(12));
      EpollVertx.await(splicer().abort(relay.id()));
      KnownStream expected = new KnownStream(12);
      // The peer wakes up within the second that the relay has.
      while (!relay.finished().isComplete()) {
        expected.check(wire.peerB().tryRead());
      }
      try (SpliceReport report = report(relay)) {
        assertThat(report.a().undelivered()).isNull();
        expected.check(wire.peerB().read((int) (report.bytesAToB() - expected.position())));
        TestPeer a = new TestPeer(report.a().socket());
        expected.check(a.read((int) (sent - expected.position())));
      }
    }
  }

  @Test
  default void abortReturnsAPreludeThatCouldNotBeDelivered() {
    try (Wire wire = Wire.tcp()) {
      new TestPeer(wire.a()).fill();
      byte[] prelude = new KnownStream(13).next(300_000);
      Relay relay = splice(request(wire).setPreludeToA(Buffer.buffer(prelude)));
      try (SpliceReport report = abort(relay)) {
        assertThat(report.bytesBToA()).isZero();
        assertThat(report.b().undeliveredBytes()).isEqualTo(prelude.length);
        assertThat(readPipe(report.b().undelivered())).isEqualTo(prelude);
        assertThat(report.a().undelivered()).isNull();
      }
    }
  }

  @Test
  default void limitReturnsUndeliveredBytesOfBothDirections() {
    try (Wire wire = Wire.Pairing.UNIX_UNIX.open()) {
      Relay relay = splice(request(wire).setMaxDurationMs(100));
      long sentA = fill(wire.peerA(), new KnownStream(14));
      long sentB = fill(wire.peerB(), new KnownStream(15));
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.MAX_DURATION);
        assertThat(report.descriptors()).hasSize(4);
        whole(new KnownStream(14), wire.peerB(), report.bytesAToB(), report.a(), sentA);
        whole(new KnownStream(15), wire.peerA(), report.bytesBToA(), report.b(), sentB);
      }
    }
  }

  private static void whole(
      KnownStream expected, TestPeer receiver, long delivered, SpliceReport.End end, long sent) {
    expected.check(receiver.read((int) delivered));
    expected.check(readPipe(end.undelivered()));
    assertThat(expected.position()).isEqualTo(delivered + end.undeliveredBytes());
    expected.check(new TestPeer(end.socket()).read((int) (sent - expected.position())));
  }

  @Test
  default void resetOfTheReaderReturnsWhatWasUnderWay() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(wire);
      long sent = fill(wire.peerA(), new KnownStream(16));
      wire.peerB().reset();
      try (SpliceReport report = report(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.RESET);
        assertThat(report.a().undeliveredBytes()).isPositive();
        KnownStream expected = new KnownStream(16);
        expected.skip((int) report.bytesAToB());
        expected.check(readPipe(report.a().undelivered()));
        TestPeer a = new TestPeer(report.a().socket());
        expected.check(a.read((int) (sent - expected.position())));
      }
    }
  }

  /** Back-pressure reaches the writer, and everything arrives once the reader goes on. */
  @ParameterizedTest
  @EnumSource
  default void readerThatStopsStopsTheWriterAndNothingIsLost(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      Relay relay = splice(wire);
      KnownStream stream = new KnownStream(17);
      long sent = fill(wire.peerA(), stream);
      assertThat(sent).isLessThan(32 << 20);
      assertThat(stat("pipes") - stat("idlePipes")).isEqualTo(1);
      KnownStream expected = new KnownStream(17);
      while (expected.position() < sent) {
        expected.check(wire.peerB().read((int) Math.min(60_000, sent - expected.position())));
      }
      wire.peerA().write(stream.next(100));
      expected.check(wire.peerB().read(100));
      try (SpliceReport report = abort(relay)) {
        assertThat(report.bytesAToB()).isEqualTo(sent + 100);
      }
    }
  }

  /** Writes until the relay and all buffers are full; how much that was. */
  private static long fill(TestPeer peer, KnownStream stream) {
    long before = stream.position();
    do {
      int taken;
      do {
        taken = peer.tryWrite(stream.peek(64 << 10), 0);
        stream.skip(taken);
      } while (taken > 0);
    } while (Sockets.poll(peer.fd(), Sockets.POLLOUT, 60) != 0);
    return stream.position() - before;
  }

  private static byte[] readPipe(Descriptor pipe) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    NativeMemory chunk = NativeMemory.allocate(1 << 16);
    long n;
    while ((n = Syscalls.read(pipe.fd(), chunk.address(), chunk.size())) > 0) {
      bytes.writeBytes(chunk.bytes(0, (int) n));
    }
    return bytes.toByteArray();
  }
}
