package dev.oxbow.service.quota;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
final class FlightsTest {
  private static final int LIMIT = 4096;

  private static int takeAll(Flight flight) {
    int taken = 0;
    while (flight.free()) {
      flight.add(2);
      taken += 2;
    }
    return taken;
  }

  @Test
  void whoTakesAllItCanLeavesAsMuchForTheNext() {
    Flights all = new Flights(LIMIT);
    Flight one = new Flight(all);
    Flight two = new Flight(all);
    assertThat(takeAll(one)).isEqualTo(LIMIT / 4 / 2);
    assertThat(takeAll(two)).isEqualTo(LIMIT / 4 / 4);
    assertThat(one.free()).isFalse();
    assertThat(new Flight(all).free()).isTrue();
    two.add(-LIMIT / 4 / 4);
    one.add(-2);
    assertThat(one.free()).isTrue();
  }

  @Test
  void asksWhatWasReceivedBeforeItSaysNo() {
    Flights all = new Flights(LIMIT);
    Flight one = new Flight(all);
    int taken = takeAll(one);
    int[] asked = {0};
    Runnable look =
        () -> {
          asked[0]++;
          one.add(-taken);
        };
    one.track(look);
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!one.free()) {
      // It does not ask again at once.
      assertThat(System.nanoTime()).isLessThan(deadline);
    }
    assertThat(asked[0]).isEqualTo(1);
    one.untrack(look);
  }
}
