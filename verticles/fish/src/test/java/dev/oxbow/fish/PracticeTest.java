package dev.oxbow.fish;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A process practises hand-overs and is as before, descriptors included. */
@RequiresRoot
@DescriptorLeaks
class PracticeTest {

  @Test
  void leavesNoVerticleAndNoDescriptor() {
    try (EpollVertx loop = EpollVertx.open()) {
      FishVerticle.practise(loop.vertx(), Duration.ofMillis(200), Duration.ofSeconds(5));

      assertThat(loop.vertx().deploymentIDs()).isEmpty();
    }
  }
}
