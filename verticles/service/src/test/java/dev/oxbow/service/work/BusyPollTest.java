package dev.oxbow.service.work;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** How long, and how often, a loop is kept awake, on a clock of the test's own. */
@DescriptorLeaks
class BusyPollTest {
  private static final int WINDOW_MICROS = 50;
  private static final long WINDOW_NANOS = WINDOW_MICROS * 1_000L;

  private long now = Long.MAX_VALUE - 10 * WINDOW_NANOS;
  private final BusyPoll poll = new BusyPoll(this::everyTurn, () -> now, WINDOW_MICROS);
  private int attempts;
  private @Nullable Runnable turn;

  private Timer everyTurn(Runnable task) {
    assertThat(turn).as("one at a time").isNull();
    attempts++;
    turn = task;
    return () -> turn = null;
  }

  private boolean awake() {
    return turn != null;
  }

  private void turnAfter(long nanos) {
    now += nanos;
    if (turn != null) {
      turn.run();
    }
  }

  private void messageInVain() {
    poll.messagePassed(now);
    turnAfter(WINDOW_NANOS);
    assertThat(awake()).isFalse();
  }

  @Test
  void staysAwakeUntilTheWindowAfterTheLastMessageIsOver() {
    poll.messagePassed(now);
    turnAfter(WINDOW_NANOS - 1);
    assertThat(awake()).isTrue();
    poll.messagePassed(now);
    turnAfter(WINDOW_NANOS - 1);
    assertThat(awake()).isTrue();
    turnAfter(1);
    assertThat(awake()).isFalse();
    assertThat(attempts).isEqualTo(1);
  }

  @Test
  void triesMoreRarelyAsLongAsItIsInVain() {
    for (int i = 0; i < 10 * BusyPoll.RAREST; i++) {
      messageInVain();
    }
    assertThat(attempts).isBetween(10, 10 + Integer.numberOfTrailingZeros(BusyPoll.RAREST) + 1);
  }

  @Test
  void triesEachTimeAgainAfterASuccess() {
    for (int i = 0; i < 10 * BusyPoll.RAREST; i++) {
      messageInVain();
    }
    while (!awake()) {
      poll.messagePassed(now);
    }
    turnAfter(1);
    poll.messagePassed(now);
    turnAfter(WINDOW_NANOS);
    assertThat(awake()).isFalse();
    poll.messagePassed(now);
    assertThat(awake()).isTrue();
  }

  @Test
  void messagesOfOneTurnAreNoSuccess() {
    poll.messagePassed(now);
    poll.messagePassed(now);
    turnAfter(WINDOW_NANOS);
    poll.messagePassed(now);
    assertThat(awake()).isFalse();
    poll.messagePassed(now);
    assertThat(awake()).isTrue();
  }

  @Test
  void neverStaysAwakeWithoutAWindow() {
    BusyPoll off = new BusyPoll(this::everyTurn, () -> now, 0);
    off.messagePassed(now);
    assertThat(awake()).isFalse();
  }
}
