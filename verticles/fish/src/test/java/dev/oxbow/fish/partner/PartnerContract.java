package dev.oxbow.fish.partner;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import io.vertx.core.Future;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Everything that a Fish relies on in two partners of one another, whatever they are made of. */
@DescriptorLeaks
public abstract class PartnerContract {
  private final TestPorts[] ports = {new TestPorts(), new TestPorts()};
  private EpollVertx vertx;
  private Partner[] nodes;
  private boolean inCommon;

  /** Two partners of one another, of the same loop; they are frozen. On the loop. */
  protected abstract Partner[] open(DescriptorLoop loop, SharedPorts one, SharedPorts other);

  @BeforeEach
  void begin() {
    vertx = EpollVertx.open();
    vertx.run(
        () -> {
          for (TestPorts each : ports) {
            each.whenTold(this::look);
          }
          nodes = open(DescriptorLoop.of(vertx.context()), ports[0], ports[1]);
          nodes[0].thaw();
          nodes[1].thaw();
        });
  }

  @AfterEach
  void end() {
    try {
      assertThat(inCommon).as("a block that both might use").isFalse();
      for (Partner node : nodes) {
        EpollVertx.await(vertx.<Future<Void>>call(() -> node.close(false)));
      }
    } finally {
      vertx.close();
    }
  }

  /** Whatever is allowed, at no time both have it. */
  private void look() {
    for (int block = 0; block < TestPorts.BLOCKS; block++) {
      inCommon |= ports[0].mayUse(block) && ports[1].mayUse(block);
    }
  }

  /** Ticks until a condition holds. */
  private void until(String what, BooleanSupplier condition) {
    Await.until(
        what,
        () ->
            vertx.call(
                () -> {
                  nodes[0].tick();
                  nodes[1].tick();
                  return condition.getAsBoolean();
                }));
  }

  private void eachHasItsHalf() {
    until("each has its half", () -> ports[0].open() == 8 && ports[1].open() == 8);
  }

  private void isShort(int node) {
    nodes[node].ranShort(0, TestPorts.LOW);
  }

  @Test
  void eachHasItsHalfByItself() {
    eachHasItsHalf();
    for (int block = 0; block < TestPorts.BLOCKS; block++) {
      assertThat(ports[0].isOwn(block)).isNotEqualTo(ports[1].isOwn(block));
      assertThat(ports[0].mayBegin(block)).isEqualTo(ports[0].isOwn(block));
    }
  }

  @Test
  void whoIsShortIsLentBlocksAndNotTheLastOnes() {
    eachHasItsHalf();
    until(
        "all that can be lent is",
        () -> {
          ports[0].useAll();
          isShort(0);
          return ports[0].open() == 14;
        });
    assertThat(vertx.<Integer>call(ports[1]::open)).isEqualTo(2);
  }

  @Test
  void blocksInUseAreNotLentAndWhatIsNotUsedGoesBack() {
    eachHasItsHalf();
    vertx.run(
        () -> {
          ports[0].useAll();
          ports[1].used.set(0, TestPorts.BLOCKS - 6);
        });
    until(
        "what is not in use is lent",
        () -> {
          isShort(0);
          return ports[0].open() > 8;
        });
    vertx.run(
        () -> {
          for (int block = 0; block < TestPorts.BLOCKS - 6; block++) {
            assertThat(ports[1].mayBegin(block)).isEqualTo(ports[1].isOwn(block));
          }
        });
    eachHasItsHalf();
  }

  @Test
  void frozenPartnerAllowsNothing() {
    eachHasItsHalf();
    vertx.run(
        () -> {
          nodes[0].freeze();
          for (int block = 0; block < TestPorts.BLOCKS; block++) {
            ports[0].allow(block, false, 0, 0);
          }
          nodes[0].tick();
          isShort(0);
        });
    assertThat(vertx.<Integer>call(ports[0]::open)).isZero();
    vertx.run(nodes[0]::thaw);
    eachHasItsHalf();
  }
}
