package dev.oxbow.fish.ports;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;

/** When a connection has grown old enough to be told of. */
@DescriptorLeaks
class FlowChangesTest {
  private static final int FLOW = 70;
  private static final long MOST = 850;

  private final FlowChanges changes = new FlowChanges(128, false);

  /** At which age it is due, when it is looked every so often and it began at some time. */
  private long due(long began, long interval, long most) {
    long now = began / interval * interval;
    changes.mark(FLOW);
    do {
      now += interval;
      changes.age(now, most);
    } while (changes.take(0) < 0);
    return now - began;
  }

  @Test
  void connectionIsDueWhenItIsOfThatAgeAndNotMuchSooner() {
    changes.age(-5_000, MOST);
    for (long interval : new long[] {1, 10, 75, 170, 400}) {
      for (long began = 1_000_000 * interval; began < 1_000_000 * interval + 2_000; began += 7) {
        // What was before is long ago.
        changes.age(began / interval * interval - 10 * MOST, MOST);
        changes.age(began / interval * interval, MOST);
        assertThat(due(began, interval, MOST)).isBetween(MOST * 4 / 5, MOST + interval);
      }
    }
  }

  @Test
  void allAreDueAtOnceWhenTheyNeedNoAge() {
    changes.age(1_000, 0);
    assertThat(due(2_250, 75, 0)).isEqualTo(75);
    assertThat(due(3_000, 75, -50)).isEqualTo(75);
  }

  @Test
  void nothingIsDueTwice() {
    changes.age(1_000, MOST);
    assertThat(due(1_000, 10, MOST)).isPositive();
    changes.age(50_000, MOST);
    assertThat(changes.take(0)).isNegative();
  }
}
