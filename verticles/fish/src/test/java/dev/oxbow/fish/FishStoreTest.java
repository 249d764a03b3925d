package dev.oxbow.fish;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import dev.oxbow.config.FishOptions;
import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.cargo.Cargo;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What may change with an upgrade, and what may not. */
@DescriptorLeaks
class FishStoreTest {

  private static final PairOptions PAIR =
      new PairOptions("edge-1", "first", "10.9.0.1:5701", List.of("10.9.0.2:5701"));

  private static void handOver(Consumer<FishOptions> change) {
    try (Cargo cargo = new Cargo()) {
      FishStore.exportSettings(new FishOptions(), cargo);
      FishOptions changed = new FishOptions();
      change.accept(changed);
      FishStore.requireSame(changed, cargo);
    }
  }

  @Test
  void settingThatEveryPacketDependsOnIsNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> handOver(changed -> changed.setPool("10.64.0.0/10")))
        .withMessage(
            "fish.pool was 100.64.0.0/10 and is 10.64.0.0/10 now: it changes with a restart only");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> handOver(changed -> changed.setPool6("fd00::/64")))
        .withMessageContaining("fish.pool6");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> handOver(changed -> changed.setDevice("fish1")))
        .withMessageContaining("fish.device");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> handOver(changed -> changed.setMark(7)))
        .withMessageContaining("fish.mark");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> handOver(changed -> changed.setPair(PAIR)))
        .withMessage("fish.pair was none and is first of [] now: it changes with a restart only");
  }

  @Test
  void othersMayChange() {
    assertThatNoException()
        .isThrownBy(() -> handOver(changed -> changed.setMaxFlows(2048).setCrashGraceMs(1)));
  }
}
