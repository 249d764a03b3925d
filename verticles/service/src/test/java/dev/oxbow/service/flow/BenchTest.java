package dev.oxbow.service.flow;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.Vectors;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class BenchTest {

  @Test
  void eachFlowHasRoomForItsOwnMtuWhoeverWasServedBefore() {
    Bench bench = new Bench();
    for (int mtu : new int[] {1480, 1500, 1500, 1473, 9000, 1480}) {
      bench.prepare(0, mtu);
      int last = (Bench.batch(mtu) - 1) * Vectors.IOVEC_BYTES;
      assertThat(bench.receiveVector.getLong(8)).isEqualTo(mtu);
      assertThat(bench.receiveVector.getLong(last + 8)).isEqualTo(mtu);
    }
  }
}
