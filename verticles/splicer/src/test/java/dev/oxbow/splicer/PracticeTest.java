package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeakExtension;
import dev.oxbow.fdpassing.testing.EpollVertx;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A process practises hand-overs and is as before, descriptors included. */
@ExtendWith(DescriptorLeakExtension.class)
class PracticeTest {

  @Test
  void leavesNoVerticleNoThreadAndNoDescriptor() {
    try (EpollVertx loop = EpollVertx.open()) {
      SplicerVerticle.practise(loop.vertx(), Duration.ofMillis(200), Duration.ofSeconds(5));

      assertThat(loop.vertx().deploymentIDs()).isEmpty();
      Await.until("no thread of a plane runs", () -> watchdogs() == 0);
    }
  }

  private static long watchdogs() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("oxbow-watchdog"))
        .count();
  }
}
