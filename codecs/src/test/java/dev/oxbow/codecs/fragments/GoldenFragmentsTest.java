package dev.oxbow.codecs.fragments;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Golden;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TestPacket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds cutting and putting together to what Scapy makes: fragments.py makes fragments.txt. */
class GoldenFragmentsTest {
  private final PacketView packet = new PacketView();

  @ParameterizedTest
  @MethodSource("lines")
  void putsDatagramsTogether(Golden golden) {
    List<String> fragments = new ArrayList<>(List.of(golden.text("fragments").split(",", -1)));
    Reassembler reassembler =
        new Reassembler(
            ByteBuffer.allocateDirect(Reassembler.bytes(1)),
            0,
            1,
            1,
            System::nanoTime,
            (o, n, w) -> {});
    for (int round = 0; round < 2; round++) {
      for (String fragment : fragments) {
        byte[] bytes = HexFormat.of().parseHex(fragment);
        parse(bytes);
        assertThat(packet.isFragment()).isTrue();
        assertThat(reassembler.add(1, packet)).isNull();
        boolean last = fragment.equals(fragments.get(fragments.size() - 1));
        assertThat(reassembler.isComplete()).isEqualTo(last);
      }
      assertThat(hex(reassembler.memory(), reassembler.position(), reassembler.length()))
          .isEqualTo(golden.text("packet"));
      Collections.reverse(fragments);
    }
  }

  @ParameterizedTest
  @MethodSource("lines")
  void cutsPackets(Golden golden) {
    parse(golden.bytes("packet"));
    int mtu = golden.number("mtu");
    Fragmenter fragmenter = new Fragmenter();
    if (packet.version() == 4) {
      assertThat(fragmenter.begin(packet, mtu)).isNull();
    } else {
      assertThat(fragmenter.begin6(packet, golden.number("id"), mtu)).isNull();
    }
    ByteBuffer to = ByteBuffer.allocateDirect(mtu + 2);
    List<String> fragments = new ArrayList<>();
    while (fragmenter.hasNext()) {
      fragments.add(hex(to, 2, fragmenter.next(to, 2)));
    }
    assertThat(fragments).containsExactly(golden.text("fragments").split(",", -1));
  }

  static List<Golden> lines() throws IOException {
    return Golden.of(GoldenFragmentsTest.class, "fragments.txt", "fragments");
  }

  private void parse(byte[] bytes) {
    ByteBuffer memory = TestPacket.direct(bytes);
    assertThat(packet.parse(memory, TestPacket.OFFSET, bytes.length)).isNull();
  }

  private static String hex(ByteBuffer memory, int at, int length) {
    byte[] bytes = new byte[length];
    memory.get(at, bytes);
    return HexFormat.of().formatHex(bytes);
  }
}
