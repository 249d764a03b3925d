package dev.oxbow.it.pair;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whoever cannot be the partner is refused with a sentence, and taken when that is mended. */
@DescriptorLeaks
@RequiresRoot
@Timeout(120)
class PairRefusalTest {
  private static final String SECRET = "only for this test";

  @TempDir Path folder;

  private void refused(PairWorld world, String sections, String why) throws Exception {
    world.two.start(folder, sections);
    world.two.awaitServing();
    world.until(
        "it is refused: " + why, () -> {}, () -> why.equals(world.one.pair().getString("refused")));
    assertThat(world.one.pair().getBoolean("connected")).isFalse();
    assertThat(world.one.process().log()).contains("no pair: " + why);
    world.until(
        "the other says so, too", () -> {}, () -> world.two.process().log().contains("no pair: "));
    assertThat(world.two.process().stop()).isZero();
  }

  @Test
  void wrongPartnersAreRefusedAndTheRightOneIsTaken() throws Exception {
    try (PairWorld world = new PairWorld(folder)) {
      world.one.start(folder, PairWorld.sections(1, ""));
      world.one.awaitServing();
      refused(
          world,
          PairWorld.sections(2, "first", SECRET, PairWorld.BUSY_PORTS, ""),
          "edge-2 says home: first, as this node does: one is first, the other second");
      refused(
          world,
          PairWorld.sections(2, "second", SECRET, "20000-20999", ""),
          "edge-2 is granted 203.0.113.7 20000-20999, 203.0.113.8 20480-20735 in fish.egress, this"
              + " node 203.0.113.7 19968-20991, 203.0.113.8 20480-20735: both need the same");
      refused(
          world,
          PairWorld.sections(2, "second", "another secret", PairWorld.BUSY_PORTS, ""),
          "a node of this cluster has another fish.pair.secret: both need the same");
      world.two.start(folder, PairWorld.sections(2, ""));
      world.two.awaitServing();
      world.awaitPresent(world.one, world.two);
      assertThat(world.one.pair().getString("refused")).isNull();
    }
  }
}
