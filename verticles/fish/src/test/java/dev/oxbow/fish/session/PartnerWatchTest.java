package dev.oxbow.fish.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** When the partner is held for lost, and when this node may be. */
@DescriptorLeaks
class PartnerWatchTest {
  private static final long STILL = TimeUnit.SECONDS.toNanos(100);
  private static final ReplicaTimes TIMES =
      new ReplicaTimes(
          0, 0, TimeUnit.MILLISECONDS.toNanos(30), TimeUnit.MILLISECONDS.toNanos(60), STILL);

  private final AtomicLong ahead = new AtomicLong();
  private final AtomicLong slept = new AtomicLong();
  private final List<String> heard = new CopyOnWriteArrayList<>();
  private EpollVertx vertx;
  private PartnerWatch watch;

  @BeforeEach
  void open() {
    vertx = EpollVertx.open();
  }

  @AfterEach
  void close() {
    vertx.run(watch::freeze);
    vertx.close();
  }

  private void begin(boolean decided) {
    watch =
        new PartnerWatch(
            DescriptorLoop.of(vertx.context()),
            TIMES,
            decided,
            new PartnerWatch.Listener() {
              @Override
              public void decided(PartnerState now) {
                heard.add(now.wireName());
              }

              @Override
              public void undecided() {
                heard.add("undecided");
              }
            },
            () -> System.nanoTime() + ahead.get(),
            () -> System.nanoTime() + ahead.get() + slept.get());
    vertx.run(watch::thaw);
  }

  private boolean waits() {
    return vertx.call(watch::waits);
  }

  private void linked() {
    vertx.run(
        () -> {
          watch.linked();
          watch.begun();
        });
  }

  private void awaitHeard(String... all) {
    Await.until(String.join(", ", all), () -> heard.equals(List.of(all)));
  }

  @Test
  void whoIsNotThereAtTheBeginningIsLostAndNothingLeavesBefore() {
    begin(false);
    assertThat(waits()).isTrue();
    awaitHeard("lost");
    assertThat(waits()).isFalse();
  }

  @Test
  void whoHasToldAllIsPresentUntilItIsSilent() {
    begin(false);
    linked();
    assertThat(waits()).isTrue();
    vertx.run(watch::present);
    assertThat(waits()).isFalse();
    vertx.run(watch::unlinked);
    assertThat(vertx.<PartnerState>call(watch::partner)).isEqualTo(PartnerState.UNKNOWN);
    awaitHeard("present", "lost");
  }

  @Test
  void whoHandsOverIsWaitedForAlsoByWhoWasUndecided() {
    begin(false);
    linked();
    vertx.run(watch::present);
    vertx.run(() -> watch.soon(60_000));
    vertx.run(watch::unlinked);
    vertx.run(watch::gone);
    slept.addAndGet(2 * STILL);
    assertThat(waits()).isTrue();
    awaitHeard("present", "undecided");
    vertx.run(() -> watch.soon(0));
    vertx.run(watch::unlinked);
    awaitHeard("present", "undecided", "lost");
  }

  @Test
  void successorDoesNotKnowWhoHandsOverUntilItIsTold() {
    begin(true);
    vertx.run(watch::linked);
    vertx.run(watch::unlinked);
    vertx.run(watch::gone);
    ahead.addAndGet(TimeUnit.SECONDS.toNanos(1));
    vertx.run(watch::gone);
    assertThat(heard).isEmpty();
    vertx.run(watch::begun);
    vertx.run(watch::gone);
    awaitHeard("lost");
  }

  @Test
  void timeInWhichThisNodeStoodStillIsNoWaitingForThePartner() {
    begin(false);
    linked();
    vertx.run(watch::present);
    vertx.run(
        () -> {
          watch.unlinked();
          ahead.addAndGet(2 * STILL);
        });
    awaitHeard("present", "undecided", "lost");
  }

  @Test
  void suspendedMachineStoodStill() {
    begin(true);
    linked();
    vertx.run(watch::present);
    slept.addAndGet(STILL - TimeUnit.SECONDS.toNanos(50));
    assertThat(waits()).isFalse();
    slept.addAndGet(2 * STILL);
    assertThat(waits()).isTrue();
    vertx.run(watch::present);
    assertThat(waits()).isFalse();
    assertThat(heard).containsExactly("present", "undecided", "present");
  }

  @Test
  void linkThatComesAndGoesPutsNothingOffForEver() {
    begin(false);
    linked();
    ahead.addAndGet(TimeUnit.SECONDS.toNanos(40));
    vertx.run(watch::linked);
    awaitHeard("unknown");
    assertThat(waits()).isFalse();
  }

  @Test
  void partnerThatCannotBeUnderstoodIsNotWaitedForForEver() {
    begin(false);
    linked();
    vertx.run(watch::notUnderstood);
    awaitHeard("unknown");
    assertThat(waits()).isFalse();
  }
}
