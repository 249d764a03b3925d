package dev.oxbow.bumblebee;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** A process practises hand-overs and is as before, descriptors included. */
@RequiresRoot
@DescriptorLeaks
class PracticeTest {

  /** A service starts in that; a step alone may take ten seconds. */
  private static final Duration AT_ONCE = Duration.ofSeconds(6);

  @Test
  void leavesNoVerticleAndNoDescriptor() {
    try (EpollVertx loop = EpollVertx.open()) {
      BumblebeeVerticle.practise(loop.vertx(), Duration.ofMillis(200), Duration.ofSeconds(5));

      assertThat(loop.vertx().deploymentIDs()).isEmpty();
    }
  }

  /** Whose heir carries nothing, in the middle of a hand-over. */
  private static final class Broken extends Practice {
    private int exchanges;

    Broken(Vertx vertx) {
      super(vertx);
    }

    @Override
    protected void exchange() {
      if (++exchanges == 2) {
        throw new IllegalStateException("nothing comes out");
      }
      super.exchange();
    }
  }

  /** Whose heir does not understand what it is given. */
  private static final class Misunderstood extends Practice {
    Misunderstood(Vertx vertx) {
      super(vertx);
    }

    @Override
    protected ServiceVerticle heirOf(Cargo cargo) {
      return super.heirOf(cargo.document("riddle", new byte[0]));
    }
  }

  @Test
  void givesAllBackAtOnceWhenTheHeirDoesNotWork() {
    fails(Broken::new, "nothing comes out");
  }

  @Test
  void givesAllBackAtOnceWhenTheHeirDoesNotStart() {
    fails(Misunderstood::new, "riddle");
  }

  private static void fails(Function<Vertx, Practice> maker, String why) {
    try (EpollVertx loop = EpollVertx.open()) {
      long began = System.nanoTime();
      assertThatThrownBy(
              () -> {
                try (Practice practice = maker.apply(loop.vertx())) {
                  practice.run(Duration.ZERO, Duration.ZERO);
                }
              })
          .hasMessageContaining(why)
          .hasNoSuppressedExceptions();
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(AT_ONCE);
      assertThat(loop.vertx().deploymentIDs()).isEmpty();
    }
  }
}
