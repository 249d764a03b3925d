package dev.oxbow.handoff.upgrade;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.upgrade.Decision.Outcome;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class DecisionTest {

  private static Decision other(Decision decision) {
    return Decision.adopt(decision.descriptor().duplicate());
  }

  @Test
  void whoDecidesFirstDecidesForBoth() {
    try (Decision ours = Decision.open();
        Decision theirs = other(ours)) {
      assertThat(ours.outcome()).isEqualTo(theirs.outcome()).isEqualTo(Outcome.NONE);
      assertThat(theirs.decide(Outcome.COMMITTED)).isTrue();
      assertThat(ours.outcome()).isEqualTo(Outcome.COMMITTED);
      assertThat(ours.decide(Outcome.ROLLED_BACK)).isFalse();
      assertThat(ours.decide(Outcome.COMMITTED)).isTrue();
      assertThat(theirs.outcome()).isEqualTo(Outcome.COMMITTED);
    }
  }

  @Test
  void decisionOutlivesWhoMadeIt() {
    Decision ours = Decision.open();
    try (Decision theirs = other(ours)) {
      assertThat(ours.decide(Outcome.ROLLED_BACK)).isTrue();
      ours.close();
      assertThat(theirs.decide(Outcome.COMMITTED)).isFalse();
    }
  }

  /** Both want their way at the same moment; exactly one gets it, each time. */
  @Test
  void ofTwoThatRaceOneWins() throws Exception {
    CyclicBarrier barrier = new CyclicBarrier(2);
    for (int i = 0; i < 2000; i++) {
      try (Decision ours = Decision.open();
          Decision theirs = other(ours)) {
        CompletableFuture<Boolean> commit =
            CompletableFuture.supplyAsync(
                () -> {
                  await(barrier);
                  return theirs.decide(Outcome.COMMITTED);
                });
        await(barrier);
        boolean rolledBack = ours.decide(Outcome.ROLLED_BACK);
        assertThat(commit.get()).isNotEqualTo(rolledBack);
        assertThat(ours.outcome()).isEqualTo(theirs.outcome());
      }
    }
  }

  /** Both want to end the other at the same moment; exactly one may, each time. */
  @Test
  void ofTwoThatWantToEndTheOtherOneMay() throws Exception {
    CyclicBarrier barrier = new CyclicBarrier(2);
    for (int i = 0; i < 2000; i++) {
      try (Decision ours = Decision.open();
          Decision theirs = other(ours)) {
        CompletableFuture<Boolean> successor =
            CompletableFuture.supplyAsync(
                () -> {
                  await(barrier);
                  return theirs.claim(Side.SUCCESSOR);
                });
        await(barrier);
        boolean predecessor = ours.claim(Side.PREDECESSOR);
        assertThat(successor.get()).isNotEqualTo(predecessor);
        assertThat(ours.claim(Side.PREDECESSOR)).isEqualTo(predecessor);
        assertThat(ours.outcome()).isEqualTo(Outcome.NONE);
      }
    }
  }

  @Test
  void claimThatIsSeizedIsLost() {
    try (Decision ours = Decision.open();
        Decision theirs = other(ours)) {
      assertThat(theirs.claim(Side.SUCCESSOR)).isTrue();
      ours.seize(Side.PREDECESSOR);
      assertThat(ours.claim(Side.PREDECESSOR)).isTrue();
      assertThat(theirs.claim(Side.SUCCESSOR)).isFalse();
    }
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whatCannotBeMappedIsClosed() {
    // A pipe has no memory to map.
    Pipe pipe = Pipe.open(0);
    pipe.writeEnd().close();
    assertThatThrownBy(() -> Decision.adopt(pipe.readEnd())).isInstanceOf(LinuxException.class);
    assertThat(pipe.readEnd().isOpen()).isFalse();
  }

  @Test
  void codeThatNobodyWritesIsRefused() {
    try (Decision decision = Decision.open()) {
      NativeMemory memory = NativeMemory.map(decision.descriptor().fd(), 64);
      memory.putInt(0, 9);
      memory.unmap();
      assertThatThrownBy(decision::outcome)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("no outcome has the code 9");
    }
  }
}
