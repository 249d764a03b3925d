package dev.oxbow.fish.session;

import static java.util.Objects.requireNonNull;

import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fish.session.SessionOutcome.Packets;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A session that runs. Loop thread only. */
public final class Session {
  private static final long EXHAUSTED_EVERY_NANOS = 1_000_000_000;

  final SessionSpec spec;
  final SessionPlane.Observer observer;
  final FlowPort port;
  private final Map<DropReason, long[]> dropped = new EnumMap<>(DropReason.class);
  private final long startNanos;
  @Nullable Registration registration;
  boolean ended;
  boolean scheduled;
  boolean ending;
  long in;
  long out;
  long lastNanos;
  private long exhaustedNanos;
  private boolean exhausted;

  Session(SessionSpec spec, SessionPlane.Observer observer, long nowNanos) {
    this.spec = spec;
    this.observer = observer;
    this.port = new FlowPort(spec.flow(), spec.kind().isSocket(), spec.mtu());
    this.startNanos = nowNanos;
    this.lastNanos = nowNanos;
    for (DropReason reason : DropReason.values()) {
      dropped.put(reason, new long[1]);
    }
  }

  /** Its id. */
  public long id() {
    return spec.id();
  }

  void drop(DropReason reason) {
    requireNonNull(dropped.get(reason))[0]++;
  }

  /** Whether the owner is to be told that ports are exhausted: once a second. */
  boolean tellExhausted(long nowNanos) {
    if (exhausted && nowNanos - exhaustedNanos < EXHAUSTED_EVERY_NANOS) {
      return false;
    }
    exhausted = true;
    exhaustedNanos = nowNanos;
    return true;
  }

  /** Its counters. */
  public Packets packets() {
    Map<String, Long> why = new LinkedHashMap<>();
    dropped.forEach(
        (reason, count) -> {
          if (count[0] > 0) {
            why.put(reason.wireName(), count[0]);
          }
        });
    return new Packets(in, out, why);
  }

  /** Nanoseconds since it began. */
  public long ageNanos() {
    return System.nanoTime() - startNanos;
  }

  /** Nanoseconds since a packet came or went. */
  public long idleNanos() {
    return System.nanoTime() - lastNanos;
  }
}
