package dev.oxbow.codecs.fragments;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TestPacket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class FragmentPropertiesTest {

  @Property(tries = 300)
  void anyOrderGivesTheDatagramBack(
      @ForAll long seed, @ForAll @IntRange(min = 100, max = 1500) int mtu) {
    Random random = new Random(seed);
    List<byte[]> packets = new ArrayList<>();
    List<byte[]> fragments = new ArrayList<>();
    for (int id = 0; id < 3; id++) {
      byte[] payload = new byte[random.nextInt(1500, 6000)];
      random.nextBytes(payload);
      TestPacket packet = new TestPacket().version(random.nextBoolean() ? 4 : 6).udp().id(id);
      byte[] bytes = packet.ipOptions(random.nextInt(3) * 8).payload(payload).build();
      packets.add(bytes);
      List<byte[]> cut = Pieces.cut(bytes, id, mtu);
      fragments.addAll(cut);
      fragments.add(cut.get(random.nextInt(cut.size())));
    }
    Collections.shuffle(fragments, random);
    Pieces pieces = new Pieces(6, 6);
    List<byte[]> complete = new ArrayList<>();
    for (byte[] fragment : fragments) {
      assertThat(pieces.add(1, fragment)).isNull();
      if (pieces.reassembler.isComplete()) {
        complete.add(pieces.complete());
      }
    }
    assertThat(complete).containsExactlyInAnyOrderElementsOf(packets);
    assertThat(pieces.losses).isEmpty();
  }

  @Property(tries = 100)
  void fragmentsAreCutAgain(@ForAll long seed) {
    Random random = new Random(seed);
    byte[] payload = new byte[3000];
    random.nextBytes(payload);
    byte[] packet = new TestPacket().udp().payload(payload).build();
    Pieces pieces = new Pieces(1, 1);
    for (byte[] fragment : Pieces.cut(packet, 0, 1400)) {
      for (byte[] smaller : Pieces.cut(fragment, 0, random.nextInt(28, 1400))) {
        assertThat(pieces.add(1, smaller)).isNull();
      }
    }
    assertThat(pieces.complete()).isEqualTo(packet);
  }

  @Test
  void onlyCopiedOptionsAreInEveryFragment() {
    byte[] packet = new TestPacket().udp().ipOptions(8).payload(new byte[100]).build();
    // Router alert (copied), then a timestamp option (not copied).
    System.arraycopy(new byte[] {(byte) 148, 4, 0, 0, 68, 4, 5, 0}, 0, packet, 20, 8);
    List<byte[]> fragments = Pieces.cut(Pieces.ecn(packet, 0), 0, 80);
    assertThat(Arrays.copyOfRange(fragments.get(0), 20, 28))
        .isEqualTo(Arrays.copyOfRange(packet, 20, 28));
    assertThat(Arrays.copyOfRange(fragments.get(1), 20, 28))
        .containsExactly(148, 4, 0, 0, 1, 1, 1, 1);
  }

  @Test
  void whatMayNotBeCutIsTooBig() {
    Fragmenter fragmenter = new Fragmenter();
    PacketView packet = new PacketView();
    parse(packet, new TestPacket().udp().dontFragment().payload(new byte[100]).build());
    assertThat(fragmenter.begin(packet, 100)).isEqualTo(Defect.TOO_BIG);
    assertThat(fragmenter.begin(packet, 128)).isNull();
    parse(packet, new TestPacket().version(6).udp().payload(new byte[100]).build());
    assertThat(fragmenter.begin(packet, 100)).isEqualTo(Defect.TOO_BIG);
    assertThat(fragmenter.begin6(packet, 1, 55)).isEqualTo(Defect.TOO_BIG);
    assertThat(fragmenter.begin6(packet, 1, 56)).isNull();
    parse(packet, new TestPacket().udp().payload(new byte[100]).build());
    assertThat(fragmenter.begin(packet, 27)).isEqualTo(Defect.TOO_BIG);
    assertThat(fragmenter.begin(packet, 28)).isNull();
  }

  @Test
  void whatFitsIsNotCut() {
    for (int version : new int[] {4, 6}) {
      byte[] packet = new TestPacket().version(version).udp().payload(new byte[99]).build();
      assertThat(Pieces.cut(packet, 1, packet.length)).containsExactly(packet);
    }
  }

  private static void parse(PacketView packet, byte[] bytes) {
    ByteBuffer memory = TestPacket.direct(bytes);
    assertThat(packet.parse(memory, TestPacket.OFFSET, bytes.length)).isNull();
  }
}
