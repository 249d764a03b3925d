package dev.oxbow.handoff.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class TaskGroupTest {

  @Test
  void groupWithoutTasksIsIdleAtOnce() {
    assertThat(new TaskGroup().whenIdle().succeeded()).isTrue();
  }

  @Test
  void tellsEveryWaiterWhenTheLastTaskEnds() {
    TaskGroup group = new TaskGroup();
    group.begin();
    group.begin();
    Future<Void> one = group.whenIdle();
    Future<Void> other = group.whenIdle();
    group.end();
    assertThat(one.isComplete()).isFalse();
    assertThat(group.live()).isEqualTo(1);
    group.end();
    assertThat(one.succeeded()).isTrue();
    assertThat(other.succeeded()).isTrue();
  }

  @Test
  void tasksOfChildrenCountInTheParent() {
    TaskGroup parent = new TaskGroup();
    TaskGroup child = parent.child();
    child.begin();
    Future<Void> parentIdle = parent.whenIdle();
    assertThat(parent.live()).isEqualTo(1);
    assertThat(parentIdle.isComplete()).isFalse();
    child.end();
    assertThat(parentIdle.succeeded()).isTrue();
    assertThat(parent.live()).isZero();
  }

  @Test
  void endWithoutBeginIsRefused() {
    TaskGroup group = new TaskGroup();
    assertThatThrownBy(group::end).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void groupCanBeUsedAgainAfterItWasIdle() {
    TaskGroup group = new TaskGroup();
    group.begin();
    group.end();
    group.begin();
    Future<Void> idle = group.whenIdle();
    assertThat(idle.isComplete()).isFalse();
    group.end();
    assertThat(idle.succeeded()).isTrue();
  }

  @Test
  void countsRightUnderManyThreads()
      throws InterruptedException, ExecutionException, TimeoutException {
    TaskGroup group = new TaskGroup();
    group.begin();
    Future<Void> idle = group.whenIdle();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Thread thread =
          new Thread(
              () -> {
                TaskGroup child = group.child();
                for (int n = 0; n < 10_000; n++) {
                  child.begin();
                  child.end();
                }
              });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(idle.isComplete()).isFalse();
    assertThat(group.live()).isEqualTo(1);
    group.end();
    idle.toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }
}
