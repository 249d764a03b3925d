package dev.oxbow.pair.loan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class LoanTimesTest {

  /** The promise rests on this: whatever the two clocks do, within their bound. */
  @Test
  void theLendersTimeEndsAQuarantineAfterTheBorrowers() {
    for (int driftPpm : new int[] {0, 1, 500, 100_000, 333_333, 500_000}) {
      for (long loanMs : new long[] {1, 7, 1_000, 120_000, 86_400_000}) {
        LoanTimes times = new LoanTimes(loanMs, 0, 5_000, 1, driftPpm);
        double slowest = 1 - driftPpm / 1e6;
        double fastest = 1 + driftPpm / 1e6;
        double borrowedTrueMs = times.useMs(times.loanMs()) / slowest;
        double awayTrueMs = times.awayMs(loanMs) / fastest;
        assertThat(borrowedTrueMs).isLessThanOrEqualTo(loanMs + 1e-6);
        assertThat(awayTrueMs).isGreaterThanOrEqualTo(loanMs + 5_000 - 1e-6);
        assertThat(times.restMs() / fastest).isGreaterThanOrEqualTo(5_000 - 1e-6);
        assertThat(times.trueMs(1_000)).isGreaterThanOrEqualTo((long) (1_000 / slowest));
      }
    }
  }

  @Test
  void saysWhatIsOutOfBounds() {
    assertThatThrownBy(() -> new LoanTimes(0, 0, 0, 1, 0)).hasMessage("loanMs 0: 1 to 86400000");
    assertThatThrownBy(() -> new LoanTimes(9, 4, 0, 1, 0)).hasMessage("drainMs 4: 0 to 3");
    assertThatThrownBy(() -> new LoanTimes(9, 3, -1, 1, 0))
        .hasMessage("quarantineMs -1: 0 to 86400000");
    assertThatThrownBy(() -> new LoanTimes(9, 3, 0, 3, 0)).hasMessage("retryMs 3: 1 to 2");
    assertThatThrownBy(() -> new LoanTimes(9, 3, 0, 1, 500_001))
        .hasMessage("driftPpm 500001: 0 to 500000");
  }
}
