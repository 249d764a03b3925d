package dev.oxbow.codecs.offload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.ip.TestPacket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Cutting and joining undo one another, whatever the connection sends. */
class OffloadPropertiesTest {
  private static final int PACKETS = 64;

  private final Batch batch = new Batch(PACKETS, true);
  private final PacketView packet = new PacketView();
  private final Segmenter segmenter = new Segmenter();
  private final ByteBuffer to = ByteBuffer.allocateDirect(2100);

  @Property(tries = 300)
  void joinedThenCutIsWhatWasThere(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 4) int connections) {
    Random random = new Random(seed);
    List<List<String>> sent = new ArrayList<>();
    List<Sender> senders = new ArrayList<>();
    for (int i = 0; i < connections; i++) {
      sent.add(new ArrayList<>());
      senders.add(new Sender(random, i));
    }
    batch.reset();
    for (int i = 0; i < PACKETS; i++) {
      int connection = random.nextInt(connections);
      byte[] bytes = senders.get(connection).next();
      sent.get(connection).add(HexFormat.of().formatHex(bytes));
      batch.add(bytes);
    }
    List<List<String>> received = new ArrayList<>();
    senders.forEach(sender -> received.add(new ArrayList<>()));
    for (String group : batch.joined()) {
      List<String> segments = cut(HexFormat.of().parseHex(group));
      received.get(connection()).addAll(segments);
    }
    assertThat(received).isEqualTo(sent);
  }

  /** Which one the packet that was cut last is of. */
  private int connection() {
    return (int) (packet.version() == 4 ? packet.sourceLow() & 0xff_ffff : packet.sourceLow()) - 1;
  }

  /** Takes a super-packet apart, and holds every part to its checksum. */
  private List<String> cut(byte[] group) {
    ByteBuffer memory = TestPacket.direct(group);
    int header = TestPacket.OFFSET;
    int start = header + VirtioNetHeader.BYTES;
    assertThat(packet.parse(memory, start, group.length - VirtioNetHeader.BYTES)).isNull();
    assertThat(VirtioNetHeader.apply(memory, header, packet)).isNull();
    int size = VirtioNetHeader.segmentBytes(memory, header);
    assertThat(segmenter.begin(packet, size, 2000)).isNull();
    List<String> segments = new ArrayList<>();
    PacketView segment = new PacketView();
    while (segmenter.hasNext()) {
      byte[] bytes = new byte[segmenter.next(to, 0)];
      to.get(0, bytes);
      assertThat(segment.parse(to, 0, bytes.length)).isNull();
      assertThat(Checksum.transportValid(segment)).isTrue();
      segments.add(HexFormat.of().formatHex(bytes));
    }
    return segments;
  }

  /** One connection whose segments may be joined, mostly. */
  private static final class Sender {
    private final Random random;
    private final int version;
    private final int kind;
    private final int size;
    private final int number;
    private final boolean dontFragment;
    private int sequence;
    private int id;
    private int times;

    Sender(Random random, int number) {
      this.random = random;
      this.version = random.nextBoolean() ? 4 : 6;
      this.kind = random.nextInt(3);
      this.size = random.nextInt(1, 1900);
      this.number = number;
      this.dontFragment = random.nextBoolean();
      this.sequence = random.nextInt();
      this.id = random.nextInt(0x10000);
    }

    byte[] next() {
      boolean usual = random.nextInt(8) != 0;
      int length = usual ? size : random.nextInt(1, size + 1);
      byte[] payload = new byte[length];
      random.nextBytes(payload);
      TestPacket packet = new TestPacket().version(version).address(number + 1).payload(payload);
      packet.id(id++);
      if (dontFragment) {
        packet.dontFragment();
      }
      if (kind == 0) {
        return packet.udp().build();
      }
      times += random.nextInt(20) == 0 ? 1 : 0;
      sequence += random.nextInt(20) == 0 ? 1 : 0;
      int flags = random.nextInt(10) == 0 ? random.nextInt(256) : TcpHeader.ACK;
      packet.tcp(flags).sequence(sequence).options(2, 8, 10, 0, 0, 0, times, 0, 0, 0, 0);
      sequence += length;
      return packet.build();
    }
  }
}
