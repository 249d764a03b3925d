package dev.oxbow.codecs.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TcpInfoTest {

  /**
   * Names, offsets and sizes in bytes, as offsetof() and sizeof() tell them of struct tcp_info in
   * include/uapi/linux/tcp.h, which only ever grows; the bit fields at 6 and 7 are tested apart.
   */
  private static final String LAYOUT =
      """
      state 0 1, caState 1 1, retransmits 2 1, probes 3 1, backoff 4 1, options 5 1,
      rto 8 4, ato 12 4, sndMss 16 4, rcvMss 20 4,
      unacked 24 4, sacked 28 4, lost 32 4, retrans 36 4, fackets 40 4,
      lastDataSent 44 4, lastAckSent 48 4, lastDataRecv 52 4, lastAckRecv 56 4,
      pmtu 60 4, rcvSsthresh 64 4, rtt 68 4, rttvar 72 4, sndSsthresh 76 4, sndCwnd 80 4,
      advmss 84 4, reordering 88 4, rcvRtt 92 4, rcvSpace 96 4, totalRetrans 100 4,
      pacingRate 104 8, maxPacingRate 112 8, bytesAcked 120 8, bytesReceived 128 8,
      segsOut 136 4, segsIn 140 4, notsentBytes 144 4, minRtt 148 4,
      dataSegsIn 152 4, dataSegsOut 156 4, deliveryRate 160 8,
      busyTime 168 8, rwndLimited 176 8, sndbufLimited 184 8,
      delivered 192 4, deliveredCe 196 4, bytesSent 200 8, bytesRetrans 208 8,
      dsackDups 216 4, reordSeen 220 4, rcvOoopack 224 4, sndWnd 228 4, rcvWnd 232 4, rehash 236 4,
      totalRto 240 2, totalRtoRecoveries 242 2, totalRtoTime 244 4,
      receivedCe 248 4, deliveredE1Bytes 252 4, deliveredE0Bytes 256 4, deliveredCeBytes 260 4,
      receivedE1Bytes 264 4, receivedE0Bytes 268 4, receivedCeBytes 272 4
      """;

  private static final int BIT_FIELDS = 4;

  @Test
  void everyFieldIsReadFromItsOffsetInTheKernelsHeader() {
    byte[] raw = distinctBytes(280);
    Map<String, Long> read = read(new TcpInfo(raw));
    Map<String, Long> expected = expected(raw);
    assertThat(read).containsAllEntriesOf(expected).hasSize(expected.size() + BIT_FIELDS);
    assertThat(read.keySet().iterator().next()).isEqualTo("state");
  }

  @ParameterizedTest
  @CsvSource({
    "104, totalRetrans, pacingRate",
    "232, sndWnd, rcvWnd",
    "248, totalRtoTime, receivedCe"
  })
  void olderKernelsTellFewerFields(int length, String last, String missing) {
    byte[] raw = distinctBytes(length);
    TcpInfo info = new TcpInfo(raw);
    Map<String, Long> read = read(info);
    assertThat(read).containsAllEntriesOf(expected(raw)).containsKey(last);
    assertThat(read).doesNotContainKey(missing);
    assertThat(info.get(last)).isEqualTo(read.get(last));
    assertThat(info.get(missing)).isZero();
  }

  @Test
  void aFieldCutInTheMiddleIsLeftOut() {
    assertThat(read(new TcpInfo(new byte[235]))).containsKey("sndWnd").doesNotContainKey("rcvWnd");
  }

  @Test
  void newerKernelsMayTellMore() {
    assertThat(read(new TcpInfo(distinctBytes(400))))
        .isEqualTo(read(new TcpInfo(distinctBytes(280))));
  }

  @Test
  void nothingIsKnownOfNothing() {
    TcpInfo info = new TcpInfo(new byte[0]);
    assertThat(read(info)).isEmpty();
    assertThat(info.get("rtt")).isZero();
    assertThat(info.get("noSuchField")).isZero();
  }

  @Test
  void bitFieldsAreTakenApart() {
    byte[] raw = new byte[104];
    raw[6] = (byte) 0xE7;
    raw[7] = (byte) 0b1111_0101;
    TcpInfo info = new TcpInfo(raw);
    assertThat(info.get("sndWscale")).isEqualTo(7);
    assertThat(info.get("rcvWscale")).isEqualTo(14);
    assertThat(info.get("deliveryRateAppLimited")).isEqualTo(1);
    assertThat(info.get("fastopenClientFail")).isEqualTo(2);
  }

  @Test
  void valuesHaveNoSign() {
    byte[] ones = new byte[280];
    java.util.Arrays.fill(ones, (byte) -1);
    TcpInfo info = new TcpInfo(ones);
    assertThat(info.get("state")).isEqualTo(255);
    assertThat(info.get("rcvWscale")).isEqualTo(15);
    assertThat(info.get("rtt")).isEqualTo(0xffff_ffffL);
    assertThat(info.get("totalRto")).isEqualTo(0xffff);
    assertThat(Long.toUnsignedString(info.get("maxPacingRate"))).isEqualTo("18446744073709551615");
  }

  @Test
  void laterChangesOfTheBytesDoNotMatter() {
    byte[] raw = new byte[104];
    TcpInfo info = new TcpInfo(raw);
    raw[0] = 7;
    assertThat(info.get("state")).isZero();
  }

  private static Map<String, Long> read(TcpInfo info) {
    Map<String, Long> fields = new LinkedHashMap<>();
    info.forEach(fields::put);
    return fields;
  }

  private static byte[] distinctBytes(int length) {
    byte[] raw = new byte[length];
    for (int i = 0; i < length; i++) {
      raw[i] = (byte) (i * 37 + 11);
    }
    return raw;
  }

  private static Map<String, Long> expected(byte[] info) {
    ByteBuffer raw = ByteBuffer.wrap(info).order(ByteOrder.nativeOrder());
    Map<String, Long> fields = new LinkedHashMap<>();
    for (String line : LAYOUT.split(",\\s*", -1)) {
      String[] field = line.strip().split(" ", -1);
      int offset = Integer.parseInt(field[1]);
      int bytes = Integer.parseInt(field[2]);
      if (offset + bytes <= raw.capacity()) {
        fields.put(
            field[0],
            switch (bytes) {
              case 1 -> raw.get(offset) & 0xffL;
              case 2 -> raw.getShort(offset) & 0xffffL;
              case 4 -> raw.getInt(offset) & 0xffffffffL;
              default -> raw.getLong(offset);
            });
      }
    }
    return fields;
  }
}
