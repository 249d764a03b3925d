package dev.oxbow.codecs.offload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.ip.TestPacket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class CoalescerTest {
  private static final int SIZE = 100;

  @ParameterizedTest
  @CsvSource({"4, false, 1", "6, false, 1", "4, true, 1", "6, true, 1"})
  void joinsWhatFollows(int version, boolean udp, int groups) {
    Batch batch = new Batch(5, true);
    for (int i = 0; i < 5; i++) {
      TestPacket packet = base(version, i);
      batch.add((udp ? packet.udp() : packet).build());
    }
    assertThat(batch.joined()).hasSize(groups);
    assertThat(batch.coalescer.packets(batch.coalescer.group(0))).isEqualTo(5);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void doesNotJoinWhatDiffers(String what, int version, Consumer<PacketView> change) {
    Batch batch = new Batch(3, true);
    batch.add(base(version, 0).build());
    batch.add(changed(base(version, 1).build(), change));
    batch.add(base(version, 2).build());
    assertThat(batch.joined()).as(what).hasSize(3);
  }

  static Stream<Arguments> doesNotJoinWhatDiffers() {
    return Stream.of(
        changed("type of service", 4, packet -> put8(packet, 1, 4)),
        changed("identification", 4, packet -> Bytes.put16(packet.memory(), at(packet, 4), 99)),
        changed("don't fragment", 4, packet -> put8(packet, 6, 0x40)),
        changed("time to live", 4, packet -> put8(packet, 8, 9)),
        changed("traffic class", 6, packet -> put8(packet, 0, 0x61)),
        changed("flow label", 6, packet -> put8(packet, 3, 1)),
        changed("hop limit", 6, packet -> put8(packet, 7, 9)),
        changed("sequence number", 4, packet -> transport(packet, 7, 1)),
        changed("acknowledgment", 4, packet -> transport(packet, 11, 1)),
        changed("flag SYN", 4, packet -> transport(packet, 13, TcpHeader.ACK | TcpHeader.SYN)),
        changed("flag URG", 6, packet -> transport(packet, 13, TcpHeader.ACK | TcpHeader.URG)),
        changed("flag CWR", 6, packet -> transport(packet, 13, TcpHeader.ACK | TcpHeader.CWR)),
        changed("flag ECE", 4, packet -> transport(packet, 13, TcpHeader.ACK | TcpHeader.ECE)),
        changed("reserved bit", 4, packet -> transport(packet, 12, 0x81)),
        changed("window", 6, packet -> transport(packet, 15, 1)),
        changed("option", 4, packet -> transport(packet, 31, 1)));
  }

  @ParameterizedTest
  @CsvSource({"8, PSH", "1, FIN"})
  void pushAndEndAreLast(int flag, String name) {
    Batch batch = new Batch(4, true);
    for (int i = 0; i < 4; i++) {
      batch.add(base(4, i).tcp(i == 1 ? TcpHeader.ACK | flag : TcpHeader.ACK).build());
    }
    assertThat(sizes(batch)).as(name).containsExactly(2, 2);
    int flags = batch.memory.get(batch.coalescer.position(0) + Coalescer.HEADROOM + 33);
    assertThat(flags).isEqualTo(TcpHeader.ACK | flag);
  }

  @Test
  void whatIsShorterIsLastAndWhatIsLongerIsFirst() {
    Batch batch = new Batch(4, true);
    int sequence = 1;
    int id = 0;
    for (int length : new int[] {SIZE, SIZE - 1, SIZE, SIZE + 1}) {
      byte[] payload = new byte[length];
      batch.add(base(4, 0).payload(payload).sequence(sequence).id(id++).build());
      sequence += length;
    }
    assertThat(sizes(batch)).containsExactly(2, 1, 1);
  }

  @Test
  void whatHasNoPayloadKeepsItsPlace() {
    Batch batch = new Batch(3, true);
    batch.add(base(4, 0).build());
    batch.add(base(4, 1).payload(new byte[0]).build());
    batch.add(base(4, 1).build());
    assertThat(sizes(batch)).containsExactly(1, 1, 1);
  }

  @Test
  void otherConnectionsMayComeBetween() {
    Batch batch = new Batch(40, true);
    for (int i = 0; i < 40; i++) {
      batch.add(base(i % 2 == 0 ? 4 : 6, i / 4).address(i % 4 + 1).build());
    }
    assertThat(sizes(batch)).containsExactly(10, 10, 10, 10);
  }

  @Test
  void fullSuperPacketsAreFollowedByOthers() {
    Batch batch = new Batch(50, true);
    byte[] payload = new byte[2000];
    for (int i = 0; i < 50; i++) {
      batch.add(base(6, 0).payload(payload).sequence(i * 2000).build());
    }
    List<String> joined = batch.joined();
    assertThat(sizes(batch)).containsExactly(32, 18);
    assertThat(joined.get(0).length() / 2 - Coalescer.HEADROOM)
        .isEqualTo(32 * 2000 + 40 + 32)
        .isLessThanOrEqualTo(Coalescer.MAX_BYTES);
  }

  @Test
  void brokenChecksumsAreLeftForTheKernelToFind() {
    Batch batch = new Batch(3, true);
    for (int i = 0; i < 3; i++) {
      byte[] bytes = base(4, i).build();
      bytes[bytes.length - 1] = (byte) (i == 1 ? 1 : 0);
      batch.add(bytes);
    }
    List<String> joined = batch.joined();
    assertThat(joined).hasSize(3);
    assertThat(joined.get(1)).startsWith("00000000000000000000");
  }

  @Test
  void udpIsLeftAloneWhereTheTunDoesNotTakeIt() {
    Batch batch = new Batch(3, false);
    IntStream.range(0, 3).forEach(i -> batch.add(base(4, i).udp().build()));
    assertThat(batch.joined()).hasSize(3).allMatch(packet -> packet.startsWith("0000000000"));
  }

  @Test
  void udpWithoutChecksumAndEchoesAreLeftAlone() {
    Batch batch = new Batch(4, true);
    for (int i = 0; i < 2; i++) {
      byte[] bytes = base(4, i).udp().build();
      bytes[26] = 0;
      bytes[27] = 0;
      batch.add(bytes);
      batch.add(base(4, i).echo().build());
    }
    assertThat(batch.joined()).hasSize(4).allMatch(packet -> packet.startsWith("0000000000"));
  }

  @Test
  void superPacketsPassAsTheyAre() {
    byte[] bytes = base(4, 0).payload(new byte[1000]).build();
    ByteBuffer memory = ByteBuffer.allocateDirect(2000);
    memory.put(Coalescer.HEADROOM, bytes);
    PacketView packet = new PacketView();
    assertThat(packet.parse(memory, Coalescer.HEADROOM, bytes.length)).isNull();
    Bytes.put16(memory, packet.checksumAt(), Checksum.pseudoHeader(packet));
    packet.checksumPartial(true);
    Coalescer coalescer = new Coalescer(memory, 2, true);
    coalescer.reset();
    coalescer.add(packet, 100);
    coalescer.finish();
    assertThat(VirtioNetHeader.apply(memory, 0, packet)).isNull();
    assertThat(packet.checksumPartial()).isTrue();
    assertThat(VirtioNetHeader.segmentBytes(memory, 0)).isEqualTo(100);
    assertThat(VirtioNetHeader.headerLength(memory, 0)).isEqualTo(52);
  }

  private static TestPacket base(int version, int number) {
    TestPacket packet = new TestPacket().version(version).tcp(TcpHeader.ACK).id(number);
    packet.options(2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0);
    return packet.sequence(1 + number * SIZE).payload(new byte[SIZE]);
  }

  private static Arguments changed(String what, int version, Consumer<PacketView> change) {
    return Arguments.of(what, version, change);
  }

  /** Changes a packet and makes its checksums right again. */
  private static byte[] changed(byte[] bytes, Consumer<PacketView> change) {
    ByteBuffer memory = TestPacket.direct(bytes);
    PacketView packet = new PacketView();
    assertThat(packet.parse(memory, TestPacket.OFFSET, bytes.length)).isNull();
    change.accept(packet);
    if (packet.version() == 4) {
      Checksum.fillHeader(memory, TestPacket.OFFSET);
    }
    Checksum.fill(packet);
    byte[] changed = new byte[bytes.length];
    memory.get(TestPacket.OFFSET, changed);
    return changed;
  }

  private static int at(PacketView packet, int offset) {
    return packet.start() + offset;
  }

  private static void put8(PacketView packet, int offset, int value) {
    Bytes.put8(packet.memory(), at(packet, offset), value);
  }

  private static void transport(PacketView packet, int offset, int value) {
    Bytes.put8(packet.memory(), packet.transport() + offset, value);
  }

  private static List<Integer> sizes(Batch batch) {
    batch.coalescer.finish();
    return IntStream.range(0, batch.coalescer.groups())
        .map(batch.coalescer::group)
        .map(batch.coalescer::packets)
        .boxed()
        .toList();
  }
}
