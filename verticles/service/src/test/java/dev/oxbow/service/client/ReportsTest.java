package dev.oxbow.service.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class ReportsTest {
  private final List<String> discarded = new ArrayList<>();
  private final Reports<String> reports = new Reports<>(report -> report, discarded::add);

  @Test
  void whoeverWaitsAfterTheEndIsToldAtOnce() {
    IllegalStateException why = new IllegalStateException("closed");
    Future<String> before = reports.await("a");
    Future<Void> patient = reports.whenAllDelivered();
    reports.fail(why);
    assertThat(before.cause()).isSameAs(why);
    assertThat(patient.succeeded()).isTrue();
    assertThat(reports.await("b").cause()).isSameAs(why);
    assertThat(reports.whenAllDelivered().succeeded()).isTrue();
  }

  @Test
  void reportsThatNobodyWantsAreClosedAtTheEndAndAfterIt() {
    reports.deliver("early");
    assertThat(discarded).isEmpty();
    reports.fail(new IllegalStateException("closed"));
    assertThat(discarded).containsExactly("early");
    reports.deliver("late");
    assertThat(discarded).containsExactly("early", "late");
    List<String> handled = new ArrayList<>();
    reports.unclaimedHandler(handled::add);
    assertThat(handled).isEmpty();
  }

  @Test
  void whoThrowsLosesNobodysReport() {
    List<String> handled = new ArrayList<>();
    Handler<String> clumsy =
        report -> {
          handled.add(report);
          throw new IllegalStateException("clumsy");
        };
    List.of("a", "b", "c").forEach(reports::deliver);
    reports.unclaimedHandler(clumsy);
    reports.deliver("d");
    assertThat(handled).containsExactly("a", "b", "c", "d");
    reports.await("e").onComplete(report -> clumsy.handle("e"));
    Future<String> other = reports.await("f");
    Future<Void> patient = reports.whenAllDelivered();
    reports.deliver("e");
    reports.deliver("f");
    assertThat(other.result()).isEqualTo("f");
    assertThat(patient.succeeded()).isTrue();
    assertThat(discarded).isEmpty();
  }

  @Test
  void freezingWaitsForTheOneThatIsBeingHandledAndKeepsTheRest() throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    List<String> handled = new CopyOnWriteArrayList<>();
    List.of("a", "b").forEach(reports::deliver);
    Thread thread =
        new Thread(
            () ->
                reports.unclaimedHandler(
                    report -> {
                      handled.add(report);
                      begun.countDown();
                      await(go);
                    }));
    thread.start();
    await(begun);
    reports.deliver("c");
    Future<List<String>> frozen = reports.freeze();
    assertThat(frozen.isComplete()).isFalse();
    go.countDown();
    thread.join();
    assertThat(frozen.result()).containsExactly("b", "c");
    assertThat(handled).containsExactly("a");
    reports.thaw();
    assertThat(handled).containsExactly("a", "b", "c");
    assertThat(reports.waiting()).isZero();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
