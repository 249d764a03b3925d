package dev.oxbow.pair.loan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Promise: no five-tuple is ever in use by both nodes of a pair, whatever network, processes and
 * clocks do; what was lent comes back. {@code -Doxbow.seed=N} repeats one history, {@code
 * -Doxbow.histories=N} makes more.
 */
@DescriptorLeaks
class LoanSimulationTest {
  private static final int KNOWN = 1_000;
  private static final int NEW = Integer.getInteger("oxbow.histories", 1_000);

  @Test
  void noFiveTupleIsUsedByBothInAnyHistory() {
    Long seed = Long.getLong("oxbow.seed");
    if (seed != null) {
      History.run(seed, Breach.NONE);
      return;
    }
    History.Tally tally = new History.Tally();
    for (long known = 0; known < KNOWN; known++) {
      tally.add(History.run(known, Breach.NONE));
    }
    // Others each time: a failure tells its seed.
    long first = System.nanoTime();
    for (int i = 0; i < NEW; i++) {
      tally.add(History.run(first + i, Breach.NONE));
    }
    System.out.println("simulated: " + tally);
    assertThat(tally.openedOnLoan).isGreaterThan(10L * KNOWN);
    assertThat(tally.cutOff).isGreaterThan(KNOWN / 2);
    assertThat(tally.returned).isGreaterThan(KNOWN);
    assertThat(tally.held).isGreaterThan(KNOWN);
    assertThat(tally.forgot).isGreaterThan(KNOWN);
    assertThat(tally.remembered).isGreaterThan(KNOWN);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void breachIsFound(Breach breach) {
    long seed = firstFailure(breach);
    assertThatThrownBy(() -> History.run(seed, breach))
        .isInstanceOf(History.Violation.class)
        .hasMessageFindingMatch("sends from five-tuple|which lives at")
        .hasMessageContaining("-Doxbow.seed=" + seed);
    assertThatCode(() -> History.run(seed, Breach.NONE)).doesNotThrowAnyException();
  }

  private static long firstFailure(Breach breach) {
    for (long seed = 0; seed < 2_000; seed++) {
      try {
        History.run(seed, breach);
      } catch (History.Violation e) {
        return seed;
      }
    }
    throw new AssertionError(breach + " is not found");
  }
}
