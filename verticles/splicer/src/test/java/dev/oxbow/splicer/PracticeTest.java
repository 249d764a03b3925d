package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.EpollVertx;
import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** A process practises hand-overs and is as before. */
class PracticeTest {

  @Test
  void leavesNoVerticleDescriptorAndThread() throws InterruptedException {
    try (EpollVertx loop = EpollVertx.open()) {
      // What a Vert.x and the JVM open once and keep.
      SplicerVerticle.practise(loop.vertx(), Duration.ZERO, Duration.ZERO);
      loop.run(() -> {});
      long descriptors = Syscalls.openDescriptors();
      Set<Thread> threads = watchdogs();

      SplicerVerticle.practise(loop.vertx(), Duration.ofMillis(200), Duration.ofSeconds(5));

      // The last ones are closed on the loop, behind this.
      loop.run(() -> {});
      assertThat(Syscalls.openDescriptors()).isEqualTo(descriptors);
      assertThat(loop.vertx().deploymentIDs()).isEmpty();
      for (Thread thread : watchdogs()) {
        thread.join(5_000);
      }
      assertThat(watchdogs()).isSubsetOf(threads);
    }
  }

  private static Set<Thread> watchdogs() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("oxbow-"))
        .collect(Collectors.toSet());
  }
}
