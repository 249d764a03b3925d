package dev.oxbow.pair.link;

import dev.oxbow.fish.partner.PartnerLink;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A link over a wire. All of it happens on one thread of its own, which alone waits for the wire.
 *
 * <p>Each end has a number that is new whenever messages may have been lost, and knows that of the
 * other. The link is up when a frame comes from the other's number to this one's; each then counts
 * from 0. Who misses a message, or hears nothing for two seconds, takes a new number, and with that
 * both begin anew.
 */
public final class Link implements PartnerLink {
  private static final Logger log = LoggerFactory.getLogger(Link.class);
  private static final long BEAT_NANOS = 100_000_000;
  private static final long RETRY_NANOS = 500_000_000;
  private static final long GIVE_UP_NANOS = 5_000_000_000L;
  private static final long CLOSE_NANOS = 2_000_000_000;

  private static final long NOBODY = 0;

  private final Wire.Opener opener;
  private final Introduction own;
  private final Frame.Codec codec;
  private final RandomGenerator random;
  private final Map<Kind, Ear> ears = new ConcurrentHashMap<>();
  private final UnderWay underWay = new UnderWay();
  private final AtomicBoolean started = new AtomicBoolean();
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread made = new Thread(task, "pair-link");
            made.setDaemon(true);
            return made;
          });

  /** This end's number while the link is up, else {@link #NOBODY}. */
  private volatile long upAs = NOBODY;

  private volatile long roundTripNanos;
  private volatile @Nullable Introduction partner;
  private volatile @Nullable String refused;

  // Of the thread.
  private @Nullable Wire wire;
  private @Nullable String wireTrouble;
  private long openNanos = System.nanoTime();
  private long failingNanos;
  private long me;
  private long before = NOBODY;
  private long other = NOBODY;
  private long sent;
  private long received;
  private long heardNanos;
  private long echo;
  private boolean closed;

  /**
   * A link that is down until it is started.
   *
   * @param secret that the partner knows, too; null for none
   */
  public Link(
      Wire.Opener opener, Introduction own, @Nullable String secret, RandomGenerator random) {
    this.opener = opener;
    this.own = own;
    this.codec = new Frame.Codec(secret);
    this.random = random;
    this.me = newNumber();
  }

  private long newNumber() {
    long number = random.nextLong();
    return number == NOBODY ? newNumber() : number;
  }

  /** Looks for the partner from here on. Idempotent; any thread. */
  public void start() {
    if (started.compareAndSet(false, true)) {
      ScheduledFuture<?> unused =
          thread.scheduleWithFixedDelay(
              () -> guarded(this::beat), 0, BEAT_NANOS, TimeUnit.NANOSECONDS);
    }
  }

  @Override
  public void listen(Kind kind, Listener listener) {
    Ear ear = new Ear(listener);
    if (ears.putIfAbsent(kind, ear) != null) {
      throw new IllegalStateException(kind + " has a listener");
    }
    execute(() -> ear.tell(upAs != NOBODY));
  }

  @Override
  public boolean send(Kind kind, byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException("a message of " + bytes.length + " bytes");
    }
    long as = upAs;
    if (as == NOBODY) {
      return false;
    }
    return underWay.reserve(kind, bytes.length) && execute(() -> send(as, kind, bytes));
  }

  private boolean execute(Runnable task) {
    try {
      thread.execute(() -> guarded(task));
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  private void send(long as, Kind kind, byte[] bytes) {
    if (as != upAs) {
      // It has gone down since: what comes later must not have this before it.
      underWay.release(bytes.length);
      return;
    }
    sent++;
    underWay.sent(sent, bytes.length);
    frame(kind.code(), bytes);
  }

  private void frame(int kind, byte[] body) {
    Wire over = wire;
    if (over == null) {
      return;
    }
    long now = System.nanoTime();
    long echoed = echo == 0 ? 0 : echo + (now - heardNanos);
    try {
      over.send(codec.bytes(new Frame(kind, me, other, sent, received, now, echoed, body)));
      failingNanos = 0;
    } catch (IllegalStateException e) {
      // The other end misses it, and then both begin anew.
      log.debug("a frame to the partner was not sent", e);
      failingNanos = failingNanos == 0 ? now : failingNanos;
      if (now - failingNanos > GIVE_UP_NANOS) {
        log.warn("the link to the partner is opened anew: {}", e.getMessage());
        lose(NOBODY);
        over.close();
        wire = null;
        failingNanos = 0;
        openNanos = now + RETRY_NANOS;
      }
    }
  }

  /** One that fails does not end the beats. */
  private static void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      log.error("the link to the partner", e);
    }
  }

  private void beat() {
    long now = System.nanoTime();
    if (closed) {
      return;
    }
    if (wire == null && now - openNanos >= 0) {
      open();
    }
    if (other != NOBODY && now - heardNanos > SILENCE_NANOS) {
      lose(NOBODY);
    }
    frame(Frame.BEAT, own.bytes());
  }

  private void open() {
    openNanos = System.nanoTime() + RETRY_NANOS;
    try {
      wire = opener.open(bytes -> execute(() -> receive(bytes)), () -> execute(this::left));
      wireTrouble = null;
      log.info("looking for the partner");
    } catch (IllegalStateException e) {
      if (!String.valueOf(e.getMessage()).equals(wireTrouble)) {
        wireTrouble = String.valueOf(e.getMessage());
        log.warn("no link to the partner yet, it is tried again: {}", wireTrouble);
      }
    }
  }

  private void receive(byte[] bytes) {
    if (closed) {
      return;
    }
    try {
      Frame frame = codec.read(bytes);
      if (frame.from() == me || frame.from() == before) {
        // Its own, that came back.
        return;
      }
      Introduction from = frame.kind() == Frame.BEAT ? Introduction.of(frame.body()) : partner;
      String why = from == null ? null : own.against(from);
      if (why != null) {
        refuse(why, frame.from());
      } else if (from != null) {
        receive(frame, from);
      }
    } catch (Frame.SealException | IllegalArgumentException e) {
      refuse(String.valueOf(e.getMessage()), NOBODY);
    }
  }

  /** Somebody else than the partner does no harm to a link that is up. */
  private void refuse(String why, long from) {
    if (upAs != NOBODY && from != other) {
      return;
    }
    lose(NOBODY);
    if (!why.equals(refused)) {
      refused = why;
      log.error("no pair: {}", why);
    }
  }

  private void receive(Frame frame, Introduction from) {
    if (frame.from() != other) {
      Introduction present = upAs == NOBODY ? null : partner;
      if (frame.kind() != Frame.BEAT || (present != null && !present.name().equals(from.name()))) {
        return;
      }
      lose(frame.from());
      partner = from;
    }
    heardNanos = System.nanoTime();
    echo = frame.time();
    if (frame.kind() == Frame.FAREWELL) {
      left();
    } else if (frame.to() != me) {
      if (upAs != NOBODY) {
        lose(other);
      }
    } else {
      if (upAs == NOBODY) {
        rise(from);
      }
      acknowledged(frame);
      message(frame);
    }
  }

  private void message(Frame frame) {
    boolean whole = frame.kind() != Frame.BEAT;
    if (frame.sent() > received + (whole ? 1 : 0)) {
      log.warn("messages of the partner's were lost on the way: both begin anew");
      lose(other);
      frame(Frame.BEAT, own.bytes());
    } else if (whole && frame.sent() == received + 1) {
      received++;
      Ear ear = ears.get(Kind.of(frame.kind()));
      if (ear != null) {
        ear.received(frame.body());
      }
    }
  }

  private void acknowledged(Frame frame) {
    if (frame.echo() != 0) {
      roundTripNanos = Math.max(1, System.nanoTime() - frame.echo());
    }
    underWay.acknowledged(frame.received());
  }

  private void rise(Introduction from) {
    upAs = me;
    refused = null;
    log.info("the partner {} (Oxbow {}) is there", from.name(), from.program());
    ears.values().forEach(ear -> ear.tell(true));
    frame(Frame.BEAT, own.bytes());
  }

  /**
   * What is under way counts as lost, and this end has another number.
   *
   * @param next number of the other end, or {@link #NOBODY}
   */
  private void lose(long next) {
    boolean wasUp = upAs != NOBODY;
    other = next;
    echo = 0;
    if (wasUp) {
      upAs = NOBODY;
      before = me;
      me = newNumber();
      sent = 0;
      received = 0;
      roundTripNanos = 0;
      underWay.clear();
      log.warn("the partner is out of reach");
      ears.values().forEach(ear -> ear.tell(false));
    }
  }

  /** Nothing is to be waited for. */
  private void left() {
    if (!closed) {
      lose(NOBODY);
      ears.values().forEach(Ear::gone);
    }
  }

  @Override
  public boolean isUp() {
    return upAs != NOBODY;
  }

  @Override
  public long lagNanos() {
    return upAs == NOBODY ? 0 : Math.max(roundTripNanos, underWay.waitsNanos());
  }

  /** Bytes that the partner has not acknowledged. */
  public long underWayBytes() {
    return underWay.bytes();
  }

  /** Who the partner is, or was last; null when none has been there. */
  public @Nullable Introduction partner() {
    return partner;
  }

  /** Why who is there cannot be the partner, in a sentence; null when nobody was refused. */
  public @Nullable String refused() {
    return refused;
  }

  /**
   * Says farewell and ends. A wire that is just being opened, or hangs, is waited for no longer
   * than two seconds: it is closed when it can be, or ends with the process. Completes on a thread
   * of its own. Idempotent; any thread.
   */
  public CompletableFuture<Void> close() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    if (!execute(() -> end(done))) {
      done.complete(null);
    }
    return done.completeOnTimeout(null, CLOSE_NANOS, TimeUnit.NANOSECONDS);
  }

  private void end(CompletableFuture<Void> done) {
    try {
      closed = true;
      thread.shutdown();
      frame(Frame.FAREWELL, new byte[0]);
      lose(NOBODY);
      if (wire != null) {
        wire.close();
        wire = null;
      }
    } finally {
      done.complete(null);
    }
  }
}
