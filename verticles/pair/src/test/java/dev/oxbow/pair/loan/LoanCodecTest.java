package dev.oxbow.pair.loan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@DescriptorLeaks
class LoanCodecTest {
  private static final List<Loan> LOANS =
      List.of(
          new Loan(new Blocks.Id(0, 0xcb00_7107L, 312), 1),
          new Loan(new Blocks.Id(-1, -2, 1_023), -3));

  static Stream<LoanMessage> messages() {
    return Stream.of(
        new LoanMessage.Borrow(-5, 120_000, 4, new Blocks.Address(6, -7)),
        new LoanMessage.Renew(6, 120_000, LOANS),
        new LoanMessage.Lent(7, 90_000, LOANS),
        new LoanMessage.Lent(7, 0, List.of()),
        new LoanMessage.Return(LOANS),
        new LoanMessage.Ask(Long.MIN_VALUE),
        new LoanMessage.Held(8, 0, new Blocks.Address(6, -7), LOANS));
  }

  @ParameterizedTest
  @MethodSource("messages")
  void everyMessageArrivesAsItWas(LoanMessage message) {
    assertThat(LoanCodec.decode(LoanCodec.encode(message))).isEqualTo(message);
  }

  /** What a node of another version would have to understand. */
  @Test
  void bytesStayWhatTheyAre() {
    LoanMessage message = new LoanMessage.Renew(6, 120_000, LOANS.subList(0, 1));
    assertThat(HexFormat.of().formatHex(LoanCodec.encode(message)))
        .isEqualTo(
            "0102"
                + "0000000000000006"
                + "000000000001d4c0"
                + "00000001"
                + "0000000000000000"
                + "00000000cb007107"
                + "0138"
                + "0000000000000001");
  }

  @ParameterizedTest
  @MethodSource("messages")
  void oneThatIsCutOffIsRefused(LoanMessage message) {
    byte[] bytes = LoanCodec.encode(message);
    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> LoanCodec.decode(cut)).isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> LoanCodec.decode(Arrays.copyOf(bytes, bytes.length + 1)))
        .hasMessage("1 bytes behind a message of loans");
  }

  @Test
  void saysWhatIsWrong() {
    assertRefused("02", "a message of loans of version 2");
    assertRefused("0107", "a message of loans of kind 7");
    assertRefused("01", "a message of loans ends after 1 bytes");
    assertRefused("010400000001", "1 loans in 0 bytes");
    assertRefused("0104ffffffff", "-1 loans in 0 bytes");
    assertRefused(
        "0104" + "00000001" + "00".repeat(16) + "0400" + "00".repeat(8),
        "block 1024 of an address");
    assertRefused("0104" + "00000001" + "00".repeat(26), "loans have no epoch 0");
    assertRefused("0101" + "00".repeat(8) + "ff".repeat(8) + "00000001", "a duration of -1 ms");
  }

  private static void assertRefused(String hex, String message) {
    assertThatThrownBy(() -> LoanCodec.decode(HexFormat.of().parseHex(hex)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void anyBytesAreAMessageOrRefused() {
    Random random = new Random(6);
    for (int i = 0; i < 50_000; i++) {
      byte[] bytes = new byte[random.nextInt(120)];
      random.nextBytes(bytes);
      if (bytes.length > 1) {
        bytes[0] = 1;
        bytes[1] = (byte) random.nextInt(8);
      }
      try {
        assertThat(LoanCodec.encode(LoanCodec.decode(bytes))).isEqualTo(bytes);
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageFindingMatch("loans|duration|block");
      }
    }
  }
}
