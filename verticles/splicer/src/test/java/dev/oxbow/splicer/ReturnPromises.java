package dev.oxbow.splicer;

import static dev.oxbow.splicer.SplicerStage.cookie;
import static dev.oxbow.splicer.SplicerStage.flags;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.Side;
import io.vertx.core.buffer.Buffer;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What comes back at the end of a relay. */
interface ReturnPromises extends SplicerStage {
  int O_APPEND = 0x400;

  @ParameterizedTest
  @EnumSource
  default void returnsBothSocketsWithTheirFlagsRestored(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      Syscalls.fcntl(wire.a().fd(), Syscalls.F_SETFL, O_APPEND);
      long cookieA = cookie(wire.a());
      long cookieB = cookie(wire.b());
      int flagsA = flags(wire.a());
      int flagsB = flags(wire.b());
      assertThat(flagsA & (O_APPEND | Syscalls.O_NONBLOCK)).isEqualTo(O_APPEND);
      assertThat(flagsB & (O_APPEND | Syscalls.O_NONBLOCK)).isEqualTo(Syscalls.O_NONBLOCK);
      Relay relay = splice(wire);
      wire.peerA().write("ping".getBytes(UTF_8));
      assertThat(wire.peerB().read(4)).asString().isEqualTo("ping");
      wire.peerA().halfClose();
      wire.peerB().halfClose();
      try (SpliceReport report = report(relay)) {
        assertThat(report.relay()).isEqualTo(relay.id());
        assertThat(report.reason()).isEqualTo(EndReason.EOF);
        assertThat(report.errno()).isNull();
        assertThat(cookie(report.a().socket())).isEqualTo(cookieA);
        assertThat(cookie(report.b().socket())).isEqualTo(cookieB);
        assertThat(flags(report.a().socket())).isEqualTo(flagsA);
        assertThat(flags(report.b().socket())).isEqualTo(flagsB);
        assertThat(report.descriptors()).hasSize(2);
        assertThat(report.end(Side.A)).isSameAs(report.a());
        assertThat(report.end(Side.B)).isSameAs(report.b());
      }
    }
  }

  @Test
  default void returnedSocketsCanBeUsedAndRelayedAgain() {
    try (Wire wire = Wire.tcp();
        SpliceReport first = abort(splice(wire))) {
      TestPeer a = new TestPeer(first.a().socket());
      a.write("from the proxy".getBytes(UTF_8));
      assertThat(wire.peerA().read(14)).asString().isEqualTo("from the proxy");
      Relay again = splice(new SpliceRequest(first.a().socket(), first.b().socket()));
      wire.peerB().write("again".getBytes(UTF_8));
      assertThat(wire.peerA().read(5)).asString().isEqualTo("again");
      try (SpliceReport second = abort(again)) {
        assertThat(second.bytesBToA()).isEqualTo(5);
        assertThat(second.relay()).isNotEqualTo(first.relay());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "\"\"",
        "17",
        "{ \"b\" : 1.50e3,\t\"a\":[ ], \"a\":\"\\u00e9\\/é🚀\", \"n\":12345678901234567890 }"
      })
  default void returnsMetadataByteByByte(String json) {
    try (Wire wire = Wire.tcp();
        SpliceReport report = abort(splice(request(wire).setMetadata(RawJson.of(json))))) {
      assertThat(report.metadata()).hasToString(json);
    }
  }

  @Test
  default void returnsMetadataThatIsLargerThanAPacket() {
    String json = "\"" + "x".repeat(900_000) + "\"";
    try (Wire wire = Wire.tcp();
        SpliceReport report = abort(splice(request(wire).setMetadata(RawJson.of(json))))) {
      assertThat(report.metadata().toString().equals(json)).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource
  default void tellsEndpointsAsTheyWereAtTheStart(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      String localA = SocketAddresses.text(Sockets.localAddress(wire.a().fd()));
      String peerB = SocketAddresses.text(Sockets.localAddress(wire.peerB().fd()));
      Relay relay = splice(wire);
      wire.peerA().close();
      wire.peerB().close();
      try (SpliceReport report = report(relay)) {
        assertThat(report.a().local()).isEqualTo(localA);
        assertThat(report.b().peer()).isEqualTo(peerB);
        assertThat(report.a().local() != null).isEqualTo(pairing.tcpA());
        assertThat(report.a().peer() != null).isEqualTo(pairing.tcpA());
        assertThat(report.b().local() != null).isEqualTo(pairing.tcpB());
        if (pairing == Wire.Pairing.TCP4_TCP6) {
          assertThat(report.a().peer()).matches("127\\.0\\.0\\.1:\\d+");
          assertThat(report.b().local()).matches("\\[::1]:\\d+");
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  default void tellsTcpInfoOfBothSides(Wire.Pairing pairing) {
    try (Wire wire = pairing.open()) {
      Relay relay = splice(wire);
      wire.peerA().write(new byte[30_000]);
      wire.peerB().read(30_000);
      wire.peerB().write(new byte[500]);
      wire.peerA().read(500);
      try (SpliceReport report = abort(relay)) {
        assertInfo(report.a().tcpInfo(), pairing.tcpA(), 30_000, 500);
        assertInfo(report.b().tcpInfo(), pairing.tcpB(), 500, 30_000);
      }
    }
  }

  private static void assertInfo(
      @org.jspecify.annotations.Nullable TcpInfo info, boolean tcp, long received, long sent) {
    if (!tcp) {
      assertThat(info).isNull();
      return;
    }
    assertThat(info).isNotNull();
    assertThat(info.get("state")).isEqualTo(1);
    assertThat(info.get("bytesReceived")).isEqualTo(received);
    assertThat(info.get("bytesSent")).isEqualTo(sent);
    assertThat(info.get("sndMss")).isBetween(500L, 70_000L);
    assertThat(info.get("rtt")).isBetween(1L, 5_000_000L);
    assertThat(info.get("segsIn")).isPositive();
  }

  @Test
  default void countsBytesOfEachDirectionWithoutThePrelude() {
    try (Wire wire = Wire.tcp()) {
      SpliceRequest request =
          request(wire)
              .setPreludeToA(Buffer.buffer("to a"))
              .setPreludeToB(Buffer.buffer("to b, longer"));
      Relay relay = splice(request);
      wire.peerA().write(new byte[1234]);
      wire.peerB().write(new byte[77]);
      wire.peerA().halfClose();
      wire.peerB().halfClose();
      assertThat(new String(wire.peerA().readAll(), UTF_8)).startsWith("to a").hasSize(4 + 77);
      assertThat(new String(wire.peerB().readAll(), UTF_8))
          .startsWith("to b, longer")
          .hasSize(12 + 1234);
      try (SpliceReport report = report(relay)) {
        assertThat(report.bytesAToB()).isEqualTo(1234);
        assertThat(report.bytesBToA()).isEqualTo(77);
      }
    }
  }

  @Test
  default void tellsHowLongItLasted() {
    long before = System.nanoTime();
    try (Wire wire = Wire.tcp();
        SpliceReport report = report(splice(request(wire).setMaxDurationMs(60)))) {
      long elapsedMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
      assertThat(report.durationMs()).isBetween(60L, elapsedMs);
    }
  }

  @ParameterizedTest
  @EnumSource
  default void writesPreludesOfOneMebibyteBeforeAnyOtherByte(Wire.Pairing pairing) {
    KnownStream toA = new KnownStream(1);
    KnownStream toB = new KnownStream(2);
    int most = SpliceRequest.MAX_PRELUDE_BYTES;
    try (Wire wire = pairing.open()) {
      SpliceRequest request =
          request(wire)
              .setPreludeToA(Buffer.buffer(new KnownStream(1).next(most)))
              .setPreludeToB(Buffer.buffer(new KnownStream(2).next(most)));
      Relay relay = splice(request);
      KnownStream more = new KnownStream(2);
      more.skip(most);
      wire.peerA().write(more.next(5_000));
      // Slowly, and one peer after the other: the relay has to wait for room.
      while (toB.position() < most + 5_000) {
        toB.check(wire.peerB().read((int) Math.min(10_007, most + 5_000 - toB.position())));
      }
      toA.check(wire.peerA().read(most));
      try (SpliceReport report = abort(relay)) {
        assertThat(report.bytesAToB()).isEqualTo(5_000);
        assertThat(report.bytesBToA()).isZero();
        assertThat(report.a().undelivered()).isNull();
        assertThat(report.b().undelivered()).isNull();
      }
    }
  }

  @Test
  default void takesSocketsThatBytesAndEndsAlreadyWaitIn() {
    try (Wire wire = Wire.tcp()) {
      wire.peerA().write("early".getBytes(UTF_8));
      wire.peerA().halfClose();
      wire.peerB().halfClose();
      try (SpliceReport report = report(splice(wire))) {
        assertThat(report.reason()).isEqualTo(EndReason.EOF);
        assertThat(wire.peerB().readAll()).asString().isEqualTo("early");
        assertThat(wire.peerA().readAll()).isEmpty();
      }
    }
  }

  @Test
  default void relaysTwoEndsOfTheSameConnectionToOneAnother() {
    try (StreamPair pair = StreamPair.tcp6()) {
      SpliceRequest request = new SpliceRequest(pair.near(), pair.far());
      try (SpliceReport report = report(splice(request.setMaxDurationMs(30)))) {
        assertThat(report.reason()).isEqualTo(EndReason.MAX_DURATION);
      }
    }
  }
}
