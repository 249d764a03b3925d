package dev.oxbow.codecs.offload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.ip.TestPacket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What cannot be cut, and headers that are not what they say. */
class SegmenterTest {
  private final PacketView packet = new PacketView();
  private final Segmenter segmenter = new Segmenter();

  @Test
  void datagramsAreNotMadeSmaller() {
    parse(new TestPacket().udp().payload(new byte[300]).build());
    assertThat(segmenter.begin(packet, 0, 327)).isEqualTo(Defect.TOO_BIG);
    assertThat(segmenter.begin(packet, 0, 328)).isNull();
    assertThat(segmenter.begin(packet, 200, 227)).isEqualTo(Defect.TOO_BIG);
    assertThat(segmenter.begin(packet, 200, 228)).isNull();
    assertThat(segmenter.count()).isEqualTo(2);
  }

  @Test
  void segmentsAreTheSameWhenThoseBeforeAreLeftOut() {
    byte[] payload = new byte[1050];
    new Random(7).nextBytes(payload);
    parse(new TestPacket().tcp(TcpHeader.ACK | TcpHeader.PSH).payload(payload).build());
    List<byte[]> all = segmentsFrom(0);
    assertThat(all).hasSize(11);
    for (int first = 1; first <= all.size(); first++) {
      assertThat(segmentsFrom(first))
          .usingElementComparator(Arrays::compare)
          .isEqualTo(all.subList(first, all.size()));
    }
  }

  private List<byte[]> segmentsFrom(int first) {
    assertThat(segmenter.begin(packet, 100, 1500)).isNull();
    segmenter.seek(first);
    List<byte[]> segments = new ArrayList<>();
    while (segmenter.hasNext()) {
      ByteBuffer one = ByteBuffer.allocate(1500);
      byte[] bytes = new byte[segmenter.next(one, 0)];
      one.get(0, bytes);
      segments.add(bytes);
    }
    return segments;
  }

  @ParameterizedTest
  @CsvSource({"2", "4", "32"})
  void whatConcernsTheWholeIsNotCut(int flag) {
    parse(new TestPacket().tcp(TcpHeader.ACK | flag).payload(new byte[300]).build());
    assertThat(segmenter.begin(packet, 0, 200)).isEqualTo(Defect.TOO_BIG);
    assertThat(segmenter.begin(packet, 0, 340)).isNull();
  }

  @Test
  void whereNoPayloadFitsNothingIsCut() {
    parse(new TestPacket().tcp(TcpHeader.ACK).payload(new byte[300]).build());
    assertThat(segmenter.begin(packet, 100, 40)).isEqualTo(Defect.TOO_BIG);
    assertThat(segmenter.begin(packet, 100, 41)).isNull();
    assertThat(segmenter.count()).isEqualTo(300);
    parse(new TestPacket().echo().payload(new byte[300]).build());
    assertThat(segmenter.begin(packet, 0, 327)).isEqualTo(Defect.TOO_BIG);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          0000000000000000 0000 |      | complete
          0200000000000000 0000 |      | found right by a device
          0100000000001400 1000 |      | partial
          0101280064001400 1000 |      | to be cut
          0181280064001400 1000 |      | to be cut, first with CWR
          0101ffff64001400 1000 |      | headers of another length are a hint
          0100000000001300 1000 | x    | does not start at the transport
          0100000000001400 0e00 | x    | is not where the checksum is
          0001280064001400 1000 | x    | to be cut, but complete
          0101280000001400 1000 | x    | to be cut to nothing
          0104280064001400 1000 | x    | of the other version
          0105280064001400 1000 | x    | of the other protocol
          0103280064001400 1000 | x    | to be cut into fragments
          """)
  void headersMustFitTheirPackets(String header, String defect, String why) {
    parse(new TestPacket().tcp(TcpHeader.ACK).payload(new byte[300]).build());
    byte[] bytes = java.util.HexFormat.of().parseHex(header.replace(" ", ""));
    ByteBuffer memory = ByteBuffer.wrap(bytes);
    assertThat(VirtioNetHeader.apply(memory, 0, packet))
        .as(why)
        .isEqualTo(defect == null ? null : Defect.BAD_OFFLOAD);
    if (defect == null) {
      assertThat(packet.checksumPartial()).isEqualTo((bytes[0] & 1) != 0);
    }
  }

  @Test
  void headersOfDatagramsCoverAllOfThem() {
    byte[] bytes = new TestPacket().udp().payload(new byte[30]).build();
    ByteBuffer header = ByteBuffer.allocate(VirtioNetHeader.BYTES);
    parse(bytes);
    packet.checksumPartial(true);
    VirtioNetHeader.write(header, 0, packet, 10);
    assertThat(VirtioNetHeader.apply(header, 0, packet)).isNull();
    assertThat(VirtioNetHeader.gsoType(header, 0)).isEqualTo(VirtioNetHeader.GSO_UDP_L4);
    bytes[25] = 20;
    parse(bytes);
    assertThat(VirtioNetHeader.apply(header, 0, packet)).isEqualTo(Defect.BAD_OFFLOAD);
  }

  private void parse(byte[] bytes) {
    ByteBuffer memory = TestPacket.direct(bytes);
    assertThat(packet.parse(memory, TestPacket.OFFSET, bytes.length)).isNull();
  }
}
