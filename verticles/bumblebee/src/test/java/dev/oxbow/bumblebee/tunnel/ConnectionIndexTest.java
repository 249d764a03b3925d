package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class ConnectionIndexTest {
  private static final int ROOM = 500;
  private static final int GROUP = 3;

  private static ConnectionKey key(int number) {
    ConnectionKey key = new ConnectionKey();
    key.clientLow = 0xffff_0000_0000L | number;
    key.destinationLow = 0xffff_0a00_0001L;
    key.ports = number % 7 << 16 | 443;
    return key;
  }

  @Test
  void findsWhatIsInAndNothingElse() {
    try (Connections table = new Connections(ROOM)) {
      ConnectionIndex index = new ConnectionIndex(table, GROUP);
      Map<Integer, Integer> model = new HashMap<>();
      Random random = new Random(1);
      for (int step = 0; step < 20_000; step++) {
        int number = random.nextInt(2 * ROOM);
        Integer place = model.get(number);
        assertThat(index.find(9, key(number))).isEqualTo(place == null ? -1 : place);
        assertThat(index.find(8, key(number))).isEqualTo(-1);
        if (place == null) {
          int added = index.add(9, key(number), step);
          assertThat(added < 0).isEqualTo(model.size() == ROOM);
          if (added >= 0) {
            assertThat(model.put(number, added)).isNull();
          }
        } else if (random.nextBoolean()) {
          index.remove(place);
          model.remove(number);
        }
        assertThat(index.count()).isEqualTo(model.size());
      }
      ConnectionIndex again = new ConnectionIndex(table, GROUP);
      again.rebuild();
      assertThat(again.count()).isEqualTo(model.size());
      model.forEach((number, place) -> assertThat(again.find(9, key(number))).isEqualTo(place));
    }
  }

  @Test
  void placesAreUsedAgainAndIdsAreNot() {
    try (Connections table = new Connections(ROOM)) {
      ConnectionIndex index = new ConnectionIndex(table, GROUP);
      List<Long> ids = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        int place = index.add(1, key(i), 0);
        assertThat(place).isZero();
        ids.add(table.id(table.at(GROUP, place)));
        index.remove(place);
      }
      assertThat(ids).doesNotHaveDuplicates().allMatch(id -> id % TunnelPlane.GROUPS == GROUP);
    }
  }

  @Test
  void addressAndPortTellPlaceAndTunnel() {
    for (int version : new int[] {4, 6}) {
      for (int place :
          new int[] {0, 1, 64_511, 64_512, 130_000, BumblebeeOptions.MOST_GROUP_CONNECTIONS - 1}) {
        for (int slot : new int[] {0, 1, 255, 256, Pool.MAX_SLOTS - 1}) {
          long low = Pool.low(version, slot, place);
          assertThat(Pool.slot(version, low)).isEqualTo(slot);
          assertThat(Pool.connection(version, low, Pool.port(place))).isEqualTo(place);
          assertThat(low).isNotEqualTo(Pool.device(version, slot));
          boolean listener = Pool.high(version) == Pool.listenerHigh(version);
          assertThat(listener && low == Pool.listenerLow(version)).isFalse();
        }
      }
      assertThat(Pool.connection(version, Pool.device(version, 1), 2000)).isNegative();
      assertThat(Pool.connection(version, Pool.low(version, 1, 1), 80)).isNegative();
    }
  }
}
