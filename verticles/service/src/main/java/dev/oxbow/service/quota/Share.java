package dev.oxbow.service.quota;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * One uid's share of the control loop: so much time in each turn, however many connections it has.
 * What is over waits for the next turn, one connection after the other, while other uids have
 * theirs. Control loop only.
 */
public final class Share {

  /** In one turn; a single request may take longer. */
  static final long TURN_NANOS = 1_000_000;

  private final DescriptorLoop loop;
  private final Queue<Runnable> waiting = new ArrayDeque<>();
  private long usedNanos;
  private boolean refilling;

  Share(DescriptorLoop loop) {
    this.loop = loop;
  }

  /** Whether who comes now has to wait: the time is used up, or others wait already. */
  public boolean spent() {
    return usedUp() || !waiting.isEmpty();
  }

  /** Whether nothing more may be done for this uid now. */
  public boolean usedUp() {
    return usedNanos >= TURN_NANOS;
  }

  /** Something was done for this uid. */
  public void used(long nanos) {
    usedNanos += nanos;
    refillSoon();
  }

  /** Runs a task once it is its turn; in the order of the calls. */
  public void whenFree(Runnable task) {
    waiting.add(task);
    refillSoon();
  }

  /** A timer, because tasks of a loop that beget tasks keep it from looking for events. */
  private void refillSoon() {
    if (!refilling) {
      refilling = true;
      loop.schedule(this::refill, 0);
    }
  }

  private void refill() {
    refilling = false;
    usedNanos = 0;
    while (!usedUp() && !waiting.isEmpty()) {
      waiting.remove().run();
    }
    if (!waiting.isEmpty()) {
      refillSoon();
    }
  }
}
