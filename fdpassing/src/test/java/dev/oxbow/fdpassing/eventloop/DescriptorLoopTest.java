package dev.oxbow.fdpassing.eventloop;

import static dev.oxbow.fdpassing.testing.EpollVertx.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import io.vertx.core.Vertx;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class DescriptorLoopTest {
  private final NativeMemory memory = NativeMemory.allocate(1 << 20);
  private final AtomicInteger seen = new AtomicInteger();
  private final AtomicInteger calls = new AtomicInteger();

  private EpollVertx vertx;
  private DescriptorLoop loop;
  private Pipe pipe;

  @BeforeEach
  void start() {
    vertx = EpollVertx.open();
    loop = DescriptorLoop.of(vertx.context());
    pipe = Pipe.open(0);
  }

  @AfterEach
  void stop() {
    vertx.close();
    pipe.close();
  }

  @Test
  void anyKindOfDescriptorThatCanBePolledIsToldReady() {
    Registration reading = register(pipe.readEnd(), Readiness.EPOLLIN);
    Registration writing = register(pipe.writeEnd(), Readiness.EPOLLOUT | Readiness.EPOLLET);
    Await.until("writable", () -> (seen.get() & Readiness.EPOLLOUT) != 0);
    assertThat(seen.get() & Readiness.EPOLLIN).isZero();
    Syscalls.write(pipe.writeEnd().fd(), memory.address(), 1);
    Await.until("readable", () -> (seen.get() & Readiness.EPOLLIN) != 0);
    vertx.run(reading::cancel);
    vertx.run(writing::cancel);
  }

  @Test
  void edgeIsToldOnceAndLevelAgain() {
    Registration registration = register(pipe.readEnd(), Readiness.EPOLLIN | Readiness.EPOLLET);
    Syscalls.write(pipe.writeEnd().fd(), memory.address(), 1);
    Await.until("readable", () -> calls.get() > 0);
    turn();
    assertThat(calls).hasValue(1);
    vertx.run(() -> registration.want(Readiness.EPOLLIN));
    Await.until("readable again", () -> calls.get() > 10);
    vertx.run(registration::cancel);
  }

  @Test
  void nothingIsToldUntilWantedAndAfterCancel() {
    Registration registration = register(pipe.readEnd(), 0);
    Syscalls.write(pipe.writeEnd().fd(), memory.address(), 1);
    turn();
    assertThat(calls).hasValue(0);
    vertx.run(() -> registration.want(Readiness.EPOLLIN));
    Await.until("readable", () -> calls.get() > 0);
    vertx.run(() -> registration.want(0));
    int before = calls.get();
    turn();
    assertThat(calls).hasValue(before);
    vertx.run(() -> registration.want(Readiness.EPOLLIN));
    Await.until("readable again", () -> calls.get() > before);
    vertx.run(
        () -> {
          registration.cancel();
          registration.cancel();
          registration.want(Readiness.EPOLLIN);
        });
    int after = calls.get();
    turn();
    assertThat(calls).hasValue(after);
  }

  @Test
  void cancelledDescriptorCanBeRegisteredAgainAndItsNumberReused() {
    for (int i = 0; i < 100; i++) {
      Pipe other = Pipe.open(0);
      calls.set(0);
      Registration registration = register(other.readEnd(), Readiness.EPOLLIN);
      Syscalls.write(other.writeEnd().fd(), memory.address(), 1);
      Await.until("readable", () -> calls.get() > 0);
      vertx.run(registration::cancel);
      Registration again = register(other.readEnd(), Readiness.EPOLLIN);
      int before = calls.get();
      Await.until("readable", () -> calls.get() > before);
      vertx.run(
          () -> {
            again.cancel();
            other.close();
          });
    }
  }

  @Test
  void taskOfEveryTurnKeepsTheLoopAwakeForEventsTasksAndTimers() {
    AtomicInteger turns = new AtomicInteger();
    Timer everyTurn = vertx.call(() -> loop.everyTurn(turns::incrementAndGet));
    Await.until("turns", () -> turns.get() > 10_000);
    Registration registration = register(pipe.readEnd(), Readiness.EPOLLIN | Readiness.EPOLLET);
    Syscalls.write(pipe.writeEnd().fd(), memory.address(), 1);
    Await.until("readable", () -> calls.get() > 0);
    CountDownLatch later = new CountDownLatch(1);
    loop.schedule(later::countDown, TimeUnit.MILLISECONDS.toNanos(1));
    Await.until("timer", () -> later.getCount() == 0);
    vertx.run(everyTurn::cancel);
    int before = turns.get();
    turn();
    assertThat(turns).hasValue(before);
    vertx.run(registration::cancel);
  }

  @Test
  void handlerThatThrowsHarmsNobodyElse() {
    Registration bad =
        vertx.call(
            () ->
                loop.register(
                    pipe.writeEnd().fd(),
                    Readiness.EPOLLOUT | Readiness.EPOLLET,
                    events -> {
                      calls.incrementAndGet();
                      throw new IllegalStateException("expected in the log of this test");
                    }));
    Await.until("called", () -> calls.get() > 0);
    Registration good = register(pipe.readEnd(), Readiness.EPOLLIN);
    Syscalls.write(pipe.writeEnd().fd(), memory.address(), 1);
    Await.until("readable", () -> (seen.get() & Readiness.EPOLLIN) != 0);
    vertx.run(bad::cancel);
    vertx.run(good::cancel);
  }

  @Test
  void registrationIsRefusedOutsideOfTheLoopAndForWhatCannotBePolled() {
    assertThatThrownBy(() -> loop.register(pipe.readEnd().fd(), 0, events -> {}))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("thread");
    Descriptor memfd = Memfd.open("test", 1);
    int number = memfd.fd();
    assertThatThrownBy(() -> register(memfd, Readiness.EPOLLIN))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("descriptor " + number)
        .hasStackTraceContaining("not permitted");
    memfd.close();
    try (Descriptor reused = Descriptor.adopt(duplicateFrom(pipe.readEnd(), number))) {
      Registration registration = register(reused, Readiness.EPOLLIN);
      Syscalls.write(pipe.writeEnd().fd(), memory.address(), 1);
      Await.until("readable", () -> calls.get() > 0);
      vertx.run(registration::cancel);
    }
  }

  @Test
  void tasksRunOnTheLoopAtOnceOrLater() throws Exception {
    CountDownLatch ran = new CountDownLatch(3);
    Runnable task =
        () -> {
          assertThat(loop.inLoop()).isTrue();
          ran.countDown();
        };
    assertThat(loop.inLoop()).isFalse();
    loop.run(task);
    loop.execute(task);
    loop.schedule(task, 1_000_000);
    assertThat(ran.await(5, TimeUnit.SECONDS)).isTrue();
    vertx.run(
        () -> {
          int before = calls.get();
          loop.run(calls::incrementAndGet);
          assertThat(calls).hasValue(before + 1);
          loop.execute(calls::incrementAndGet);
          assertThat(calls).hasValue(before + 1);
        });
  }

  @Test
  void cancelledTimerDoesNotRun() {
    Timer timer = loop.schedule(calls::incrementAndGet, 20_000_000);
    timer.cancel();
    timer.cancel();
    CountDownLatch later = new CountDownLatch(1);
    loop.schedule(later::countDown, 40_000_000);
    Await.until("later", () -> later.getCount() == 0);
    assertThat(calls).hasValue(0);
  }

  @Test
  void loopsThatAreNotEpollAreRefusedWithTheRemedy() {
    Vertx nio = Vertx.vertx();
    assertThatThrownBy(() -> DescriptorLoop.of(nio.getOrCreateContext()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("setPreferNativeTransport(true)");
    await(nio.close());
    assertThat(DescriptorLoop.epollAvailable()).isTrue();
  }

  private Registration register(Descriptor descriptor, int events) {
    return vertx.call(
        () ->
            loop.register(
                descriptor.fd(),
                events,
                ready -> {
                  seen.accumulateAndGet(ready, (all, more) -> all | more);
                  calls.incrementAndGet();
                }));
  }

  /** A duplicate whose number is the lowest free one from {@code number} on. */
  private static int duplicateFrom(Descriptor descriptor, int number) {
    return Syscalls.fcntl(descriptor.fd(), Syscalls.F_DUPFD_CLOEXEC, number);
  }

  /** Lets the loop look for events at least once. */
  private void turn() {
    await(vertx.vertx().timer(5, TimeUnit.MILLISECONDS));
    vertx.run(() -> {});
  }
}
