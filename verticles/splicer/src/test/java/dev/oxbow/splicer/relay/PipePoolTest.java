package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.load.Wire;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class PipePoolTest {
  private static final int PIPE_BYTES = 128 << 10;

  @Test
  void numbersPipesAndUsesTheNumbersOfThoseThatAreGone() {
    PipePool pool = new PipePool(PIPE_BYTES, PipeShare.unlimited());
    int first = pool.acquire();
    int second = pool.acquire();
    int third = pool.add(Pipe.open(0));
    assertThat(List.of(first, second, third)).containsExactly(0, 1, 2);
    assertThat(pool.get(second).capacity()).isGreaterThanOrEqualTo(PIPE_BYTES);
    pool.remove(second).close();
    assertThatThrownBy(() -> pool.get(1)).hasMessageContaining("1");
    assertThat(pool.openCount()).isEqualTo(2);
    assertThat(pool.acquire()).isEqualTo(second);
    for (int number = 0; number < 3; number++) {
      pool.release(number);
    }
    assertThat(pool.idleCount()).isEqualTo(3);
    closeAll(pool);
    assertThat(pool.openCount()).isZero();
  }

  @Test
  void takesTheIdlePipeThatWasUsedLastAndClosesTheOneThatWaitedLongest() {
    PipePool pool = new PipePool(PIPE_BYTES, PipeShare.unlimited());
    for (int i = 0; i < 9; i++) {
      assertThat(pool.acquire()).isEqualTo(i);
    }
    for (int i = 0; i < 9; i++) {
      pool.release(i);
    }
    assertThat(pool.acquire()).isEqualTo(8);
    pool.closeOneIdle();
    assertThatThrownBy(() -> pool.get(0)).isInstanceOf(IllegalStateException.class);
    pool.release(8);
    assertThat(pool.idleCount()).isEqualTo(8);
    closeAll(pool);
  }

  @Test
  void pipeThatStayedSmallGrowsWhenItIsUsedAgain() {
    PipePool pool = new PipePool(PIPE_BYTES, PipeShare.unlimited());
    pool.adopt(0, Pipe.open(0));
    pool.reclaim(new BitSet());
    assertThat(pool.get(0).capacity()).isLessThan(PIPE_BYTES);
    assertThat(pool.acquire()).isZero();
    assertThat(pool.get(0).capacity()).isGreaterThanOrEqualTo(PIPE_BYTES);
    pool.release(0);
    closeAll(pool);
  }

  /** Room for two and a bit: seven eighths of the user's. */
  @Test
  void pipesAreSmallWhenThePoolsShareOfTheUsersIsUsedUp() {
    PipeShare share = new PipeShare(3 * PIPE_BYTES);
    PipePool one = new PipePool(PIPE_BYTES, share);
    PipePool other = new PipePool(PIPE_BYTES, share);
    int first = one.acquire();
    int second = other.acquire();
    assertThat(List.of(one.get(first).capacity(), other.get(second).capacity()))
        .containsExactly(PIPE_BYTES, PIPE_BYTES);
    int third = one.acquire();
    assertThat(one.get(third).capacity()).isEqualTo(PipeShare.SMALL_BYTES);
    other.remove(second).close();
    one.release(third);
    assertThat(one.acquire()).isEqualTo(third);
    assertThat(one.get(third).capacity()).isEqualTo(PIPE_BYTES);
    int fourth = other.add(Pipe.open(0));
    assertThat(other.get(fourth).capacity()).isEqualTo(PipeShare.SMALL_BYTES);
    one.release(first);
    one.release(third);
    other.release(fourth);
    closeAll(one);
    closeAll(other);
    assertThat(share.takenBytes()).isZero();
  }

  private static void closeAll(PipePool pool) {
    while (pool.idleCount() > 0) {
      pool.closeOneIdle();
    }
  }

  @Test
  void idlePipesAboveTheLimitAreClosedWithinHalfASecond() {
    List<Wire> wires = new ArrayList<>();
    try (PlaneStage stage = new PlaneStage(new SplicePlane.Options(512, PIPE_BYTES, 32, 100, 50))) {
      for (int i = 0; i < 100; i++) {
        Wire wire = Wire.Pairing.UNIX_UNIX.open();
        wires.add(wire);
        stage.relay(wire, false);
      }
      Await.until("each has a pipe", () -> fill(wires) && stage.counters().pipes() == 100);
      assertThat(stage.counters().idlePipes()).isZero();
      for (Wire wire : wires) {
        Await.until("its pipe is empty", () -> drained(wire));
      }
      long start = System.nanoTime();
      Await.until("idle pipes are closed", () -> stage.counters().pipes() == 32);
      assertThat(System.nanoTime() - start).isLessThan(TimeUnit.MILLISECONDS.toNanos(500));
      assertThat(stage.counters().idlePipes()).isEqualTo(32);
    } finally {
      wires.forEach(Wire::close);
    }
  }

  private static boolean fill(List<Wire> wires) {
    return wires.stream().mapToLong(wire -> wire.peerA().fill()).sum() == 0;
  }

  /** Reads what is there; whether all that was written has come. */
  private static boolean drained(Wire wire) {
    int read;
    do {
      read = wire.peerB().tryRead().length;
    } while (read > 0);
    return Syscalls.bytesWaiting(wire.a().fd()) == 0
        && Syscalls.bytesWaiting(wire.peerB().fd()) == 0;
  }
}
