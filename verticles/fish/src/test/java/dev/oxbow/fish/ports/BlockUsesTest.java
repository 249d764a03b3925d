package dev.oxbow.fish.ports;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class BlockUsesTest {

  @Test
  void countsAsMapDoes() {
    BlockUses uses = new BlockUses(256);
    Map<Long, Integer> expected = new HashMap<>();
    Random random = new Random(5);
    int connections = 0;
    for (int i = 0; i < 100_000; i++) {
      long key =
          BlockUses.key(
              1 + random.nextInt(3), random.nextInt(2), random.nextInt(3), random.nextInt(512));
      if (random.nextBoolean() && connections < 256) {
        connections++;
        assertThat(uses.add(key)).isEqualTo(expected.merge(key, 1, Integer::sum));
      } else {
        Integer before = expected.get(key);
        assertThat(uses.remove(key)).isEqualTo(before == null ? -1 : before - 1);
        connections -= before == null ? 0 : 1;
        if (before != null) {
          expected.merge(key, -1, (a, b) -> a + b == 0 ? null : a + b);
        }
      }
      assertThat(uses.size()).isEqualTo(expected.size());
    }
    uses.clear();
    assertThat(uses.size()).isZero();
    assertThat(uses.remove(expected.keySet().iterator().next())).isEqualTo(-1);
  }

  @Test
  void keysOfDifferentBlocksDiffer() {
    assertThat(BlockUses.key(1, 255, 2, 0xffff)).isNotEqualTo(BlockUses.key(2, 255, 2, 0xffff));
    assertThat(BlockUses.key(1, 0, 2, 0xffff)).isNotEqualTo(BlockUses.key(1, 1, 0, 0));
    assertThat(BlockUses.key(1, 0, 0, 20_032)).isEqualTo(BlockUses.key(1, 0, 0, 20_095));
  }
}
