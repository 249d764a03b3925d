package dev.oxbow.app.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

@DescriptorLeaks
class UnitsTest {

  @ParameterizedTest
  @CsvSource({"500ms,500", "30s,30000", "5m,300000", "2h,7200000", "1D,86400000", "0s,0"})
  void readsDurations(String text, long ms) {
    assertThat(new Units.Milliseconds().convert(text)).isEqualTo(ms);
  }

  @ParameterizedTest
  @CsvSource({"1000,1000", "64k,65536", "10M,10485760", "2g,2147483648", "0,0"})
  void readsAmountsOfBytes(String text, long bytes) {
    assertThat(new Units.ByteCount().convert(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "s", "-1s", "5", "5 s", "5x", "1.5s"})
  void refusesWhatIsNoDuration(String text) {
    assertThatThrownBy(() -> new Units.Milliseconds().convert(text))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining("a duration such as");
  }

  @ParameterizedTest
  @CsvSource({
    "0,0 B",
    "1023,1023 B",
    "1024,1.0 KiB",
    "1536,1.5 KiB",
    "104857600,100 MiB",
    "9223372036854775807,8.0 EiB"
  })
  void writesAmountsOfBytes(long bytes, String text) {
    assertThat(Units.bytes(bytes)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"0,0ms", "999,999ms", "1500,1.5s", "61000,1m01s", "3660000,1h01m", "90000000,1d01h"})
  void writesDurations(long ms, String text) {
    assertThat(Units.duration(ms)).isEqualTo(text);
  }

  @Test
  void tableAlignsItsColumnsAndEndsNoLineWithBlanks() {
    TextTable table =
        new TextTable("lrl").row("NAME", "N", "X").row("a", "100", "").row("bb", "7", "y");
    assertThat(table).hasToString("NAME    N  X\na     100\nbb      7  y\n");
  }
}
