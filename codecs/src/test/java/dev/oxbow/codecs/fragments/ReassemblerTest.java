package dev.oxbow.codecs.fragments;

import static dev.oxbow.codecs.fragments.Pieces.fragment4;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.TestPacket;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReassemblerTest {
  private static final long SECOND = 1000;

  private final Pieces pieces = new Pieces(4, 2);

  @Test
  void copiesOfFragmentsDoNotMatter() {
    for (int i = 0; i < 3; i++) {
      assertThat(pieces.add(1, fragment4(1, 0, 16, true, 5))).isNull();
      assertThat(pieces.add(1, fragment4(1, 8, 8, true, 5))).isNull();
      assertThat(pieces.add(1, fragment4(1, 24, 3, false, 7))).isNull();
    }
    assertThat(pieces.reassembler.isComplete()).isFalse();
    assertThat(pieces.add(1, fragment4(1, 16, 8, true, 6))).isNull();
    assertThat(pieces.complete()).hasSize(20 + 27).endsWith(6, 7, 7, 7).contains(5, 6);
    assertThat(pieces.losses).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "0, 16, true, 6, the same place with other bytes",
    "8, 16, true, 5, partly there",
    "0, 48, true, 5, around what is there",
    "24, 8, false, 5, ends before what is there",
    "48, 8, true, 5, goes on after the end",
    "40, 16, true, 5, ends after the end",
    "40, 16, false, 5, another end",
    "40, 8, true, 5, the end that is none",
  })
  void overlapsEndTheDatagram(int offset, int length, boolean more, int value, String what) {
    pieces.add(1, fragment4(1, 0, 16, true, 5));
    pieces.add(1, fragment4(1, 32, 8, true, 5));
    pieces.add(1, fragment4(1, 40, 8, false, 5));
    assertThat(pieces.add(1, fragment4(1, offset, length, more, value)))
        .as(what)
        .isEqualTo(Defect.FRAGMENT_OVERLAP);
    assertThat(pieces.losses).containsExactly("1 3 fragment-overlap");
    assertThat(pieces.add(1, fragment4(1, 16, 16, true, 5))).isEqualTo(Defect.FRAGMENT_OVERLAP);
    assertThat(pieces.reassembler.isComplete()).isFalse();
    pieces.pass(30 * SECOND);
    pieces.reassembler.expire();
    assertThat(pieces.reassembler.isEmpty()).isTrue();
    assertThat(pieces.losses).hasSize(1);
  }

  @Test
  void anEndBeforeWhatIsThereIsAnOverlap() {
    pieces.add(1, fragment4(1, 32, 8, true, 5));
    assertThat(pieces.add(1, fragment4(1, 16, 8, false, 5))).isEqualTo(Defect.FRAGMENT_OVERLAP);
  }

  @Test
  void datagramsHaveThirtySeconds() {
    pieces.add(1, fragment4(1, 0, 16, true, 5));
    pieces.pass(10 * SECOND);
    pieces.add(2, fragment4(1, 0, 16, true, 5));
    pieces.add(2, fragment4(1, 16, 16, true, 5));
    pieces.pass(20 * SECOND - 1);
    pieces.reassembler.expire();
    assertThat(pieces.losses).isEmpty();
    pieces.pass(1);
    pieces.reassembler.expire();
    assertThat(pieces.losses).containsExactly("1 1 fragment-timeout");
    pieces.pass(10 * SECOND);
    assertThat(pieces.add(2, fragment4(1, 32, 8, false, 5))).isNull();
    assertThat(pieces.reassembler.isComplete()).isFalse();
    assertThat(pieces.losses).containsExactly("1 1 fragment-timeout", "2 2 fragment-timeout");
  }

  @Test
  void fragmentsOfOthersAreNotMixed() {
    pieces.add(1, fragment4(1, 0, 16, true, 5));
    assertThat(pieces.add(2, fragment4(1, 16, 8, false, 6))).isNull();
    assertThat(pieces.reassembler.isComplete()).isFalse();
    byte[] otherProtocol = fragment4(1, 16, 8, false, 6);
    otherProtocol[9] = 6;
    assertThat(pieces.add(1, Pieces.ecn(otherProtocol, 0))).isNull();
    assertThat(pieces.reassembler.isComplete()).isFalse();
    assertThat(pieces.add(1, fragment4(1, 16, 8, false, 6))).isNull();
    assertThat(pieces.complete()).hasSize(44);
  }

  @Test
  void anOwnerBeyondItsShareLosesItsOldest() {
    for (int id = 1; id <= 3; id++) {
      pieces.pass(1);
      pieces.add(1, fragment4(id, 0, 16, true, 5));
    }
    assertThat(pieces.losses).containsExactly("1 1 fragment-limit");
    pieces.add(1, fragment4(2, 16, 8, false, 5));
    assertThat(pieces.reassembler.isComplete()).isTrue();
  }

  @Test
  void whenAllIsFullTheOldestMakesRoom() {
    for (int i = 0; i < 5; i++) {
      pieces.pass(1);
      pieces.add(i / 2, fragment4(i, 0, 16, true, 5));
    }
    assertThat(pieces.losses).containsExactly("0 1 fragment-limit");
  }

  @Test
  void forgottenOwnersLeaveNothing() {
    pieces.add(1, fragment4(1, 0, 16, true, 5));
    pieces.add(2, fragment4(1, 0, 16, true, 5));
    pieces.reassembler.forget(1);
    assertThat(pieces.reassembler.isEmpty()).isFalse();
    pieces.reassembler.forget(2);
    assertThat(pieces.reassembler.isEmpty()).isTrue();
    assertThat(pieces.losses).isEmpty();
  }

  @Test
  void aSuccessorGoesOn() {
    pieces.add(1, fragment4(1, 0, 16, true, 5));
    pieces.add(1, fragment4(2, 0, 8, true, 5));
    pieces.add(1, fragment4(2, 8, 8, false, 5));
    assertThat(pieces.reassembler.isComplete()).isTrue();
    pieces.succeed();
    assertThat(pieces.reassembler.isComplete()).isFalse();
    assertThat(pieces.add(1, fragment4(1, 16, 8, false, 6))).isNull();
    assertThat(pieces.complete()).hasSize(44);
    pieces.succeed();
    assertThat(pieces.reassembler.isEmpty()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"0, 0, 0", "1, 1, 1", "2, 2, 2", "2, 3, 3", "1, 3, 3", "3, 3, 3", "1, 2, 1"})
  void congestionSeenByOneIsSeenByAll(int first, int second, int ecn) {
    pieces.add(1, Pieces.ecn(fragment4(1, 0, 8, true, 5), first));
    assertThat(pieces.add(1, Pieces.ecn(fragment4(1, 8, 8, false, 5), second))).isNull();
    assertThat(pieces.complete()[1]).isEqualTo((byte) ecn);
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "0, 2", "0, 3", "3, 0"})
  void partsWithoutCongestionControlDoNotMatchOthers(int first, int second) {
    pieces.add(1, Pieces.ecn(fragment4(1, 0, 8, true, 5), first));
    assertThat(pieces.add(1, Pieces.ecn(fragment4(1, 8, 8, false, 5), second)))
        .isEqualTo(Defect.BAD_FRAGMENT);
    assertThat(pieces.losses).containsExactly("1 2 bad-fragment");
  }

  @Test
  void headersThatMakeItTooLongEndTheDatagram() {
    pieces.add(1, fragment4(1, 65_504, 11, false, 5));
    List<byte[]> first =
        Pieces.cut(new TestPacket().udp().ipOptions(8).id(1).payload(new byte[80]).build(), 0, 60);
    byte[] head = first.get(0);
    System.arraycopy(fragment4(1, 0, 0, true, 0), 12, head, 12, 8);
    assertThat(pieces.add(1, Pieces.ecn(head, 0))).isNull();
    for (int at = head.length - 28; at < 65_504; at += 1000) {
      int length = Math.min(1000, 65_504 - at);
      Defect defect = pieces.add(1, fragment4(1, at, length, true, 5));
      assertThat(defect).isEqualTo(at + length == 65_504 ? Defect.BAD_FRAGMENT : null);
    }
  }
}
