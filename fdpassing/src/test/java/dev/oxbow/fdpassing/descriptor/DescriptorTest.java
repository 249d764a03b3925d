package dev.oxbow.fdpassing.descriptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
class DescriptorTest {

  @Test
  void closeIsIdempotent() {
    Descriptor descriptor = Memfd.open("test", 1);
    int fd = descriptor.fd();
    assertThat(descriptor.isOpen()).isTrue();
    assertThat(descriptor).hasToString("descriptor(" + fd + ")");
    descriptor.close();
    descriptor.close();
    assertThat(descriptor.isOpen()).isFalse();
    assertThat(descriptor).hasToString("descriptor(gone)");
    assertThatThrownBy(descriptor::fd).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(descriptor::release).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(descriptor::duplicate).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void releaseGivesTheNumberAwayOpen() {
    Descriptor descriptor = Memfd.open("test", 1);
    int fd = descriptor.release();
    descriptor.close();
    assertThatThrownBy(descriptor::fd).isInstanceOf(IllegalStateException.class);
    try (Descriptor next = Descriptor.adopt(fd)) {
      assertThat(Memfd.isSharedMemory(next.fd())).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, -100, Integer.MIN_VALUE})
  void negativeNumbersAreNotAdopted(int fd) {
    assertThatThrownBy(() -> Descriptor.adopt(fd))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("" + fd);
  }

  @Test
  void duplicateLivesOnAndIsCloseOnExec() {
    final int getDescriptorFlags = 1;
    Descriptor first = Memfd.open("test", 1);
    try (Descriptor second = first.duplicate()) {
      assertThat(second.fd()).isNotEqualTo(first.fd());
      first.close();
      assertThat(Syscalls.fcntl(second.fd(), getDescriptorFlags, 0)).isEqualTo(1);
    }
  }

  @Test
  void closeAllClosesAll() {
    List<Descriptor> all = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      all.add(Memfd.open("test", 1));
    }
    all.get(3).close();
    Descriptor.closeAll(all);
    assertThat(all).noneMatch(Descriptor::isOpen);
  }

  @Test
  void ofManyThreadsThatCloseOrReleaseExactlyOneDoes() throws Exception {
    final int threads = 4;
    ExecutorService executor = Executors.newFixedThreadPool(threads);
    for (int round = 0; round < 300; round++) {
      Descriptor descriptor = Memfd.open("test", 1);
      CyclicBarrier barrier = new CyclicBarrier(threads);
      AtomicInteger released = new AtomicInteger();
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        boolean closes = i % 2 == 0;
        all.add(executor.submit(() -> closeOrRelease(descriptor, closes, barrier, released)));
      }
      for (Future<?> one : all) {
        one.get();
      }
      assertThat(released.get()).isLessThanOrEqualTo(1);
    }
    executor.shutdown();
    assertThat(executor.awaitTermination(5, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void numberThatIsNotOpenIsToldWhenItIsClosed() {
    Descriptor wrong = Descriptor.adopt(1_000_000);
    assertThatThrownBy(wrong::close)
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("EBADF");
    wrong.close();
  }

  private static Object closeOrRelease(
      Descriptor descriptor, boolean closes, CyclicBarrier barrier, AtomicInteger released)
      throws Exception {
    barrier.await();
    if (closes) {
      descriptor.close();
      return true;
    }
    try {
      int fd = descriptor.release();
      released.incrementAndGet();
      Syscalls.close(fd);
      return true;
    } catch (IllegalStateException another) {
      return false;
    }
  }
}
