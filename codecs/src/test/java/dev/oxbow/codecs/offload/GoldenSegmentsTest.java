package dev.oxbow.codecs.offload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.Golden;
import dev.oxbow.codecs.ip.PacketView;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds cutting and joining to segments that Scapy made: segments.py makes segments.txt. */
class GoldenSegmentsTest {
  private static final int AT = 20;

  private final PacketView packet = new PacketView();

  @ParameterizedTest
  @MethodSource("lines")
  void cutsSuperPackets(Golden golden) {
    ByteBuffer memory = superPacket(golden);
    int size = VirtioNetHeader.segmentBytes(memory, AT);
    Segmenter segmenter = new Segmenter();
    assertThat(segmenter.begin(packet, size, golden.number("mtu"))).isNull();
    ByteBuffer to = ByteBuffer.allocateDirect(1500);
    List<String> segments = new ArrayList<>();
    while (segmenter.hasNext()) {
      segments.add(hex(to, 3, segmenter.next(to, 3)));
    }
    assertThat(String.join(",", segments)).isEqualTo(golden.text("segments"));
    assertThat(segmenter.count()).isEqualTo(segments.size());
  }

  @ParameterizedTest
  @MethodSource("lines")
  void finishesPartialChecksumsInPlace(Golden golden) {
    superPacket(golden);
    assertThat(packet.checksumPartial()).isTrue();
    assertThat(Checksum.transportValid(packet)).isTrue();
    Checksum.fill(packet);
    assertThat(packet.checksumPartial()).isFalse();
    assertThat(Checksum.transportValid(packet)).isTrue();
  }

  @ParameterizedTest
  @MethodSource("joined")
  void joinsSegments(Golden golden) {
    List<byte[]> segments = new ArrayList<>();
    for (String segment : golden.text("segments").split(",", -1)) {
      segments.add(HexFormat.of().parseHex(segment));
    }
    Batch batch = new Batch(segments.size(), true);
    segments.forEach(batch::add);
    assertThat(batch.joined()).containsExactly(golden.text("header") + golden.text("packet"));
  }

  static List<Golden> lines() throws IOException {
    return Golden.of(GoldenSegmentsTest.class, "segments.txt", "cut");
  }

  static List<Golden> joined() throws IOException {
    return lines().stream().filter(line -> line.text("joins").equals("true")).toList();
  }

  private ByteBuffer superPacket(Golden golden) {
    byte[] header = golden.bytes("header");
    byte[] bytes = golden.bytes("packet");
    ByteBuffer memory = ByteBuffer.allocateDirect(AT + header.length + bytes.length);
    memory.put(AT, header);
    memory.put(AT + header.length, bytes);
    assertThat(packet.parse(memory, AT + header.length, bytes.length)).isNull();
    assertThat(VirtioNetHeader.apply(memory, AT, packet)).isNull();
    return memory;
  }

  private static String hex(ByteBuffer memory, int at, int length) {
    byte[] bytes = new byte[length];
    memory.get(at, bytes);
    return HexFormat.of().formatHex(bytes);
  }
}
