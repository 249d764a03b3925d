package dev.oxbow.service.quota;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.quota.Account.Manner;
import io.vertx.core.Future;
import java.lang.Thread.UncaughtExceptionHandler;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
final class AccountTest {
  private final EpollVertx vertx = EpollVertx.open();
  private final DescriptorLoop loop = DescriptorLoop.of(vertx.context());
  private final QuotaOptions quotas =
      new QuotaOptions()
          .setConnections(2)
          .setDescriptors(4)
          .setPerUid(7, new QuotaOptions().setConnections(1));
  private Accounts accounts;
  private Account account;

  @BeforeEach
  void make() {
    accounts = new Accounts(quotas, loop);
    account = vertx.call(() -> accounts.of(5));
  }

  @AfterEach
  void close() {
    loop.tryExecute(accounts::close);
    vertx.close();
  }

  private static void assertExceeded(Runnable task, String what) {
    assertThatThrownBy(task::run)
        .isInstanceOfSatisfying(
            RequestException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.QUOTA_EXCEEDED))
        .hasMessageContaining(what);
  }

  @Test
  void boundsConnectionsWorkAndDescriptors() {
    vertx.run(
        () -> {
          assertThat(account.addConnection()).isTrue();
          assertThat(account.addConnection()).isTrue();
          assertThat(account.addConnection()).isFalse();
          account.removeConnection();
          assertThat(account.addConnection()).isTrue();
          account.addWork(1, "relays");
          assertExceeded(() -> account.addWork(1, "relays"), "uid 5 has as many relays");
          account.removeWork();
          account.addWork(1, "relays");
          account.addDescriptors(4);
          account.checkDescriptors();
          account.addDescriptors(1);
          assertExceeded(account::checkDescriptors, "descriptors");
          account.removeDescriptors(1);
          account.checkDescriptors();
        });
  }

  @Test
  void uidMayHaveQuotasOfItsOwn() {
    vertx.run(
        () -> {
          Account other = accounts.of(7);
          assertThat(other.addConnection()).isTrue();
          assertThat(other.addConnection()).isFalse();
          assertThat(accounts.of(7)).isSameAs(other);
        });
  }

  @Test
  void rootAndOwnUidAreTrusted() {
    vertx.run(
        () -> {
          assertThat(accounts.of(0).trusted()).isTrue();
          assertThat(accounts.of(Syscalls.effectiveUid()).trusted()).isTrue();
          assertThat(account.trusted()).isFalse();
        });
  }

  @Test
  void closesOffTheLoopAndCounts() {
    Descriptor memfd = Memfd.open("closed", 1);
    vertx.run(
        () -> {
          account.addDescriptors(1);
          account.close(List.of(memfd), Manner.PLAIN);
          account.close(List.of(), Manner.PLAIN);
        });
    Await.until("it is closed", () -> vertx.call(account::descriptors) == 0);
    assertThat(memfd.isOpen()).isFalse();
  }

  @Test
  void resetsAConnectionWhenToldTo() {
    try (StreamPair pair = StreamPair.tcp4();
        TestPeer far = new TestPeer(pair.far().duplicate())) {
      vertx.run(
          () -> {
            account.addDescriptors(1);
            account.close(List.of(pair.near()), Manner.RESET);
          });
      Await.until("it is closed", () -> vertx.call(account::descriptors) == 0);
      assertThatThrownBy(far::readAll)
          .isInstanceOfSatisfying(
              LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ECONNRESET));
    }
  }

  @Test
  void closesWhatHasNoLingerAllTheSame() {
    Descriptor memfd = Memfd.open("no-socket", 1);
    vertx.run(
        () -> {
          account.addDescriptors(1);
          account.close(List.of(memfd), Manner.NO_LINGER);
        });
    Await.until("it is closed", () -> vertx.call(account::descriptors) == 0);
  }

  @Test
  void worksOfOneUidDoNotWaitForAnothers() throws InterruptedException {
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch done = new CountDownLatch(1);
    vertx.run(
        () -> {
          account.execute(() -> await(held));
          accounts.of(6).execute(done::countDown);
        });
    done.await();
    held.countDown();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void isOverloadedWhileTooMuchWaitsToBeClosedAndTellsOnce() {
    CountDownLatch held = new CountDownLatch(1);
    AtomicInteger told = new AtomicInteger();
    int many = quotas.getDescriptors() + 1025;
    List<Descriptor> all = Stream.generate(() -> Memfd.open("many", 1)).limit(many).toList();
    vertx.run(
        () -> {
          account.executeClose(() -> await(held));
          account.addDescriptors(many);
          assertThat(account.overloaded()).isTrue();
          account.whenRelieved(told::incrementAndGet);
          account.close(all, Manner.PLAIN);
        });
    assertThat(vertx.call(told::get)).isZero();
    held.countDown();
    Await.until("it is relieved", () -> told.get() == 1);
    assertThat(vertx.call(account::overloaded)).isFalse();
    vertx.run(() -> account.addDescriptors(1));
    vertx.run(() -> account.removeDescriptors(1));
    assertThat(told.get()).isEqualTo(1);
  }

  @Test
  void closesWhatComesAfterItsEnd() {
    Descriptor before = Memfd.open("before", 1);
    Descriptor after = Memfd.open("after", 1);
    vertx.run(
        () -> {
          account.addDescriptors(2);
          account.close(List.of(before), Manner.PLAIN);
          accounts.close();
          account.close(List.of(after), Manner.PLAIN);
        });
    Await.until("both are closed", () -> !before.isOpen() && !after.isOpen());
  }

  private Future<Void> closeWhileItIsHeld(CountDownLatch held, Descriptor memfd) {
    return vertx.call(
        () -> {
          account.executeClose(() -> await(held));
          account.addDescriptors(1);
          account.close(List.of(memfd), Manner.PLAIN);
          return accounts.close();
        });
  }

  @Test
  void endsWhenAllIsClosed() {
    CountDownLatch held = new CountDownLatch(1);
    Descriptor memfd = Memfd.open("late", 1);
    Future<Void> closed = closeWhileItIsHeld(held, memfd);
    vertx.run(() -> assertThat(closed.isComplete()).isFalse());
    held.countDown();
    EpollVertx.await(closed);
    assertThat(memfd.isOpen()).isFalse();
  }

  /** Something hangs; what comes behind it is closed when the loop is no more. */
  @Test
  void closesWhatTheLoopDoesNotWaitFor() throws InterruptedException {
    CountDownLatch held = new CountDownLatch(1);
    Descriptor memfd = Memfd.open("too late", 1);
    List<Throwable> uncaught = new CopyOnWriteArrayList<>();
    UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
    Thread.setDefaultUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
    try {
      EpollVertx.await(closeWhileItIsHeld(held, memfd));
      assertThat(memfd.isOpen()).isTrue();
      vertx.close();
      held.countDown();
      Await.until("it is closed", () -> !memfd.isOpen());
      Await.until("the thread has ended", () -> closers().isEmpty());
      assertThat(uncaught).isEmpty();
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(before);
    }
  }

  private static List<Thread> closers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("oxbow-close-5"))
        .toList();
  }
}
