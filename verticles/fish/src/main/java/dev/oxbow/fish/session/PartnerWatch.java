package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides whether the partner is there, and whether it may have taken over what is here. That is
 * undecided after a start, and when this process has stood still for so long that it may be held
 * for lost. Loop thread only.
 */
final class PartnerWatch {
  private static final Logger log = LoggerFactory.getLogger(PartnerWatch.class);

  /** How long an upgrade may take, of either node or of both, with a new way to the partner. */
  static final int UPGRADE_MS = 30_000;

  private static final long UPGRADE_NANOS = TimeUnit.MILLISECONDS.toNanos(UPGRADE_MS);

  /** Who acts on what is decided. */
  interface Listener {

    /** The partner is there, or is held for lost, or cannot be understood. */
    void decided(PartnerState now);

    /** Nothing is known any more: all is to be heard anew. */
    void undecided();
  }

  private final DescriptorLoop loop;
  private final ReplicaTimes times;
  private final Listener listener;
  private final LongSupplier clock;
  private final LongSupplier bootClock;
  private PartnerState partner = PartnerState.UNKNOWN;
  private boolean decided;
  private boolean frozen = true;
  private boolean linked;
  private boolean gone;
  private long soonNanos;
  private long awakeNanos;

  /** When it is decided at the latest, of what is undecided. */
  private long latestNanos;

  private @Nullable Timer decision;

  /**
   * @param decided whether the process before this one knew what the partner had taken over
   * @param clock CLOCK_MONOTONIC in nanoseconds
   * @param bootClock CLOCK_BOOTTIME, which goes on while the machine is suspended
   */
  PartnerWatch(
      DescriptorLoop loop,
      ReplicaTimes times,
      boolean decided,
      Listener listener,
      LongSupplier clock,
      LongSupplier bootClock) {
    this.loop = loop;
    this.times = times;
    this.decided = decided;
    this.listener = listener;
    this.clock = clock;
    this.bootClock = bootClock;
  }

  PartnerState partner() {
    return partner;
  }

  boolean isDecided() {
    return decided;
  }

  /** Whether a partner that is lost has ended, as far as can be known, and was not only silent. */
  boolean isGone() {
    return gone;
  }

  /** Messages get through from here on. */
  void linked() {
    linked = true;
    partner = PartnerState.UNKNOWN;
    // It may hand over at this moment, and have said so to the process before this one.
    soon(UPGRADE_MS);
    decideIn(decided ? -1 : untilLatest());
  }

  /** Messages may be lost from here on; the partner may be there, until it is held for lost. */
  void unlinked() {
    linked = false;
    gone = false;
    if (partner != PartnerState.LOST) {
      partner = PartnerState.UNKNOWN;
      decideIn(
          decided
              ? Math.max(times.lostNanos(), untilSoon())
              : Math.min(untilLatest(), Math.max(times.joinNanos(), untilSoon())));
    }
  }

  /** The partner has ended: only one that has announced it is waited for. */
  void gone() {
    gone = !linked;
    if (!linked && decided && partner != PartnerState.LOST) {
      decideIn(Math.max(0, untilSoon()));
    }
  }

  /** The partner begins to tell everything: nothing is announced any more. */
  void begun() {
    soon(0);
  }

  /** The partner may be silent for so long, and is not lost. */
  void soon(int ms) {
    soonNanos = clock.getAsLong() + TimeUnit.MILLISECONDS.toNanos(ms);
  }

  private long untilSoon() {
    return soonNanos - clock.getAsLong();
  }

  /** A link that comes and goes does not put off for ever what is to be decided. */
  private long untilLatest() {
    return Math.max(0, latestNanos - clock.getAsLong());
  }

  /** The partner has told all that it has. */
  void present() {
    decideIn(-1);
    decide(PartnerState.PRESENT);
  }

  /** What the partner tells cannot be taken in; it is not waited for for ever. */
  void notUnderstood() {
    if (!decided) {
      decideIn(Math.min(untilLatest(), times.joinNanos()));
    }
  }

  private void decide(PartnerState now) {
    partner = now;
    decided = true;
    listener.decided(now);
  }

  /** Whether nothing may leave for now; also notices when this process has stood still. */
  boolean waits() {
    stoodStill();
    return !decided;
  }

  private boolean stoodStill() {
    long now = bootClock.getAsLong();
    long still = now - awakeNanos;
    awakeNanos = now;
    // Who is alone needs not fear a partner that has not had the time to come back.
    long most =
        partner == PartnerState.LOST
            ? Math.max(times.joinNanos(), times.stillNanos())
            : times.stillNanos();
    if (frozen || still <= most) {
      return false;
    }
    log.warn(
        "stood still for {} ms: nothing leaves until it is known what the partner has taken over",
        TimeUnit.NANOSECONDS.toMillis(still));
    decided = false;
    partner = PartnerState.UNKNOWN;
    latestNanos = clock.getAsLong() + UPGRADE_NANOS + times.joinNanos();
    decideIn(linked ? untilLatest() : Math.max(times.joinNanos(), untilSoon()));
    listener.undecided();
    return true;
  }

  /**
   * @param nanos negative for never
   */
  private void decideIn(long nanos) {
    Timer before = decision;
    if (before != null) {
      before.cancel();
    }
    decision = nanos < 0 || frozen ? null : loop.schedule(this::decideNow, nanos);
  }

  private void decideNow() {
    decision = null;
    // Time that passed while this process stood still was no waiting.
    if (!frozen && !stoodStill()) {
      decide(linked ? PartnerState.UNKNOWN : PartnerState.LOST);
    }
  }

  /** Another process may go on. */
  void freeze() {
    frozen = true;
    decideIn(-1);
  }

  void thaw() {
    frozen = false;
    awakeNanos = bootClock.getAsLong();
    latestNanos = clock.getAsLong() + UPGRADE_NANOS + times.joinNanos();
    if (!linked) {
      decideIn(decided ? UPGRADE_NANOS : times.joinNanos());
    }
    if (!decided) {
      log.info("no session is opened until it is known what the partner has taken over");
    }
  }
}
