package dev.oxbow.codecs.ip;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/**
 * Whatever is changed incrementally has the very checksum that a computation from scratch gives.
 */
class RewritePropertiesTest {
  private final PacketView packet = new PacketView();
  private final PacketView error = new PacketView();
  private final PacketView quoted = new PacketView();

  @Property
  void endpointsKeepTheChecksumRight(
      @ForAll("packets") byte[] bytes,
      @ForAll boolean source,
      @ForAll long high,
      @ForAll long low,
      @ForAll @IntRange(max = 0xffff) int port,
      @ForAll boolean partial) {
    parse(bytes);
    if (partial) {
      Bytes.put16(packet.memory(), packet.checksumAt(), Checksum.pseudoHeader(packet));
      packet.checksumPartial(true);
    }
    int given = packet.hasPorts() ? port : Rewrite.SAME_PORT;
    if (source) {
      Rewrite.source(packet, high, low, given);
    } else {
      Rewrite.destination(packet, high, low, given);
    }
    assertThat(Checksum.transportValid(packet)).isTrue();
    assertThat(address(source)).containsExactly(expected(high, low));
    if (packet.hasPorts()) {
      assertThat(source ? packet.sourcePort() : packet.destinationPort()).isEqualTo(port);
    }
    if (!partial) {
      int field = Bytes.u16(packet.memory(), packet.checksumAt());
      assertThat(field).isEqualTo(Checksum.transport(packet));
    }
    assertThat(new PacketView().parse(packet.memory(), packet.start(), packet.length())).isNull();
  }

  @Property
  void brokenChecksumsStayBroken(
      @ForAll("packets") byte[] bytes, @ForAll long high, @ForAll long low) {
    parse(bytes);
    int at = packet.end() - 1;
    Bytes.put8(packet.memory(), at, Bytes.u8(packet.memory(), at) ^ 1);
    assertThat(Checksum.transportValid(packet)).isFalse();
    Rewrite.source(packet, high, low, packet.hasPorts() ? 1 : Rewrite.SAME_PORT);
    assertThat(Checksum.transportValid(packet)).isFalse();
  }

  @Property
  void whatErrorsQuoteIsRewrittenWithThem(
      @ForAll("packets") byte[] bytes,
      @ForAll boolean source,
      @ForAll long high,
      @ForAll long low,
      @ForAll @IntRange(max = 0xffff) int port) {
    parse(bytes);
    if (packet.isIcmpError()) {
      return;
    }
    ByteBuffer to = ByteBuffer.allocateDirect(IcmpError.MAX_BYTES);
    int length =
        IcmpError.TOO_BIG.write(
            packet, 1280, packet.destinationHigh(), packet.destinationLow(), to, 0);
    assertThat(error.parse(to, 0, length)).isNull();
    assertThat(Checksum.transportValid(error)).isTrue();
    assertThat(error.quoted(quoted)).isNull();
    int given = quoted.hasPorts() ? port : Rewrite.SAME_PORT;
    if (source) {
      Rewrite.quotedSource(error, quoted, high, low, given);
    } else {
      Rewrite.quotedDestination(error, quoted, high, low, given);
    }
    Rewrite.icmpMtu(error, 1400);
    assertThat(IcmpError.mtu(error)).isEqualTo(1400);
    assertThat(Checksum.transportValid(error)).isTrue();
    assertThat(Checksum.transport(error)).isEqualTo(Bytes.u16(error.memory(), error.checksumAt()));
    if (quoted.length() == packet.length()) {
      assertThat(Checksum.transportValid(quoted)).isTrue();
    }
  }

  @Property
  void mssIsClampedAtAnyPosition(
      @ForAll @IntRange(max = 3) int before, @ForAll @IntRange(min = 1, max = 0xffff) int mss) {
    byte[] bytes = new TestPacket().tcp(TcpHeader.SYN).options(before, 2, 4, 5, 180).build();
    parse(bytes);
    assertThat(TcpHeader.mss(packet)).isEqualTo(1460);
    assertThat(Rewrite.clampMss(packet, mss)).isEqualTo(mss < 1460);
    assertThat(TcpHeader.mss(packet)).isEqualTo(Math.min(1460, mss));
    assertThat(Checksum.transportValid(packet)).isTrue();
  }

  @Provide
  Arbitrary<byte[]> packets() {
    return TestPacket.any();
  }

  private void parse(byte[] bytes) {
    ByteBuffer memory = TestPacket.direct(bytes);
    assertThat(packet.parse(memory, TestPacket.OFFSET, bytes.length)).isNull();
  }

  private long[] address(boolean source) {
    return source
        ? new long[] {packet.sourceHigh(), packet.sourceLow()}
        : new long[] {packet.destinationHigh(), packet.destinationLow()};
  }

  private long[] expected(long high, long low) {
    return packet.version() == 6
        ? new long[] {high, low}
        : new long[] {PacketView.V4_HIGH, PacketView.V4_LOW | (low & 0xffff_ffffL)};
  }
}
