package dev.oxbow.it.handoff;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Relays with a {@link Ramp} in each direction, moved and checked by a thread of its own. */
final class RampLoad implements AutoCloseable {
  private static final long WINDOW = 128 << 10;
  private static final int READ_BYTES = 64 << 10;
  private static final int PRELUDE_BYTES = 45_000;
  private static final int CHUNK_BYTES = 24 << 10;
  private static final long PAUSE_NANOS = 2_000_000;
  private static final int LIGHT_CHUNK_BYTES = 4 << 10;
  private static final long LIGHT_PAUSE_NANOS = 6_000_000;
  private static final long PATIENCE_NANOS = 20_000_000_000L;

  private final List<Descriptor> ends = new ArrayList<>();
  private final List<Ramp> ramps = new ArrayList<>();
  private final Set<String> ids = new HashSet<>();
  private final Map<String, Ramp> directions = new TreeMap<>();
  private final Thread thread = new Thread(this::pump, "ramps");
  private int chunkBytes = CHUNK_BYTES;
  private long pauseNanos = PAUSE_NANOS;
  private volatile boolean stopped;
  private volatile @Nullable Throwable failure;

  /** A relay from the outside. */
  record Ends(String relay, Descriptor a, Descriptor b) {}

  /** Starts a relay without traffic; its ends are closed with this load. */
  Ends open(ControlPeer control, String more, StreamPair.Kind kindA, StreamPair.Kind kindB) {
    StreamPair a = kindA.open();
    StreamPair b = kindB.open();
    ends.addAll(List.of(a.far(), b.far()));
    try (Descriptor nearA = a.near();
        Descriptor nearB = b.near()) {
      String relay = control.splice(more, nearA, nearB);
      ids.add(relay);
      return new Ends(relay, a.far(), b.far());
    }
  }

  /** Relays of all kinds of sockets with traffic both ways. */
  RampLoad busy(ControlPeer control, int relays) {
    StreamPair.Kind[] kinds = StreamPair.Kind.values();
    for (int i = 0; i < relays; i++) {
      Ends relay =
          open(control, "", kinds[i % kinds.length], kinds[(i / kinds.length) % kinds.length]);
      forth(relay, WINDOW, READ_BYTES);
      back(relay);
    }
    return this;
  }

  /** Relays of which one direction has ended, and the other has traffic. */
  RampLoad halfClosed(ControlPeer control, int relays) {
    for (int i = 0; i < relays; i++) {
      StreamPair.Kind kind = i % 2 == 0 ? StreamPair.Kind.TCP4 : StreamPair.Kind.UNIX;
      Ends relay = open(control, "", kind, kind);
      Sockets.shutdown(relay.a.fd(), Sockets.SHUT_WR);
      back(relay);
    }
    return this;
  }

  /** Relays whose receivers read little, so that pipes and sockets are full. */
  RampLoad slow(ControlPeer control, int relays) {
    for (int i = 0; i < relays; i++) {
      StreamPair.Kind kind = i % 2 == 0 ? StreamPair.Kind.TCP4 : StreamPair.Kind.UNIX;
      Ends relay = open(control, "", kind, kind);
      forth(relay, Long.MAX_VALUE, 512);
      back(relay);
    }
    return this;
  }

  /** Relays that begin with bytes which the proxy had read, for a receiver that reads little. */
  RampLoad prelude(ControlPeer control, int relays) {
    for (int i = 0; i < relays; i++) {
      int number = ramps.size();
      byte[] first = new Ramp(number, -1, -1, 0, 0).bytes(PRELUDE_BYTES);
      String text = Base64.getEncoder().encodeToString(first);
      Ends relay =
          open(
              control,
              ",\"prelude\":{\"toB\":\"" + text + "\"}",
              StreamPair.Kind.TCP4,
              StreamPair.Kind.UNIX);
      forth(relay, WINDOW, 64).skip(first.length);
    }
    return this;
  }

  /** Traffic both ways through two ends, which are closed with this load. */
  RampLoad between(Descriptor a, Descriptor b) {
    ends.addAll(List.of(a, b));
    ramp(a, b, WINDOW, READ_BYTES);
    ramp(b, a, WINDOW, READ_BYTES);
    return this;
  }

  private Ramp forth(Ends relay, long window, int readBytes) {
    Ramp ramp = ramp(relay.a, relay.b, window, readBytes);
    directions.put(relay.relay + " aToB", ramp);
    return ramp;
  }

  private void back(Ends relay) {
    directions.put(relay.relay + " bToA", ramp(relay.b, relay.a, WINDOW, READ_BYTES));
  }

  private Ramp ramp(Descriptor from, Descriptor to, long window, int readBytes) {
    Ramp ramp = new Ramp(ramps.size(), from.fd(), to.fd(), window, readBytes);
    ramps.add(ramp);
    return ramp;
  }

  /** Less traffic, which leaves most of the processors to processes that start. */
  RampLoad light() {
    chunkBytes = LIGHT_CHUNK_BYTES;
    pauseNanos = LIGHT_PAUSE_NANOS;
    return this;
  }

  RampLoad start() {
    thread.setDaemon(true);
    thread.start();
    return this;
  }

  /** Ids of the relays. */
  Set<String> ids() {
    return ids;
  }

  private void pump() {
    SplittableRandom random = new SplittableRandom(20_261_125);
    try {
      while (!stopped) {
        for (Ramp ramp : ramps) {
          ramp.send(random.nextInt(1, chunkBytes));
          ramp.receive();
        }
        // Leaves something of the processors to those who are under test.
        LockSupport.parkNanos(pauseNanos);
      }
    } catch (RuntimeException | AssertionError e) {
      failure = e;
    }
  }

  /**
   * Waits until each stream moves. All that was on the way has arrived then, but for those whose
   * receivers read little: that is seen by {@link #drain()}.
   */
  void awaitProgress() {
    long[] until =
        ramps.stream()
            .mapToLong(ramp -> Math.max(ramp.got() + 1, ramp.isBrisk() ? ramp.sent() : 0))
            .toArray();
    Await.until(
        "each stream moves: " + ramps,
        () -> {
          check();
          for (int i = 0; i < until.length; i++) {
            if (ramps.get(i).got() < until[i]) {
              return false;
            }
          }
          return true;
        });
  }

  /** Waits until a connection has ended, since nobody relays it any more. */
  void awaitEnd() {
    Await.until("a stream ends", () -> failure != null);
    String why = String.valueOf(failure);
    if (!why.endsWith(": end") && !why.contains("ECONNRESET") && !why.contains("EPIPE")) {
      throw new AssertionError(why, failure);
    }
    failure = null;
  }

  /** Fails when a stream was not right. */
  void check() {
    Throwable seen = failure;
    if (seen != null) {
      throw new AssertionError(seen.getMessage(), seen);
    }
  }

  /** Sends no more, and waits until all has arrived. */
  void drain() throws InterruptedException {
    pause();
    ramps.forEach(Ramp::end);
    long until = System.nanoTime() + PATIENCE_NANOS;
    for (Ramp ramp : ramps) {
      while (ramp.got() < ramp.sent()) {
        if (!ramp.receive() && System.nanoTime() > until) {
          throw new AssertionError("lost: " + ramp);
        }
      }
    }
  }

  /**
   * Waits until a service has counted exactly what was sent through each relay, after {@link
   * #drain()}.
   *
   * @param control may see all of the relays
   */
  void awaitCounts(ControlPeer control) {
    Map<String, Long> expected = new TreeMap<>();
    for (String id : ids) {
      expected.put(id + " aToB", 0L);
      expected.put(id + " bToA", 0L);
    }
    directions.forEach((name, ramp) -> expected.put(name, ramp.relayed()));
    try {
      Await.until("all is counted", () -> counts(control).equals(expected));
    } catch (AssertionError e) {
      throw new AssertionError("sent " + expected + ", counted " + counts(control), e);
    }
  }

  private Map<String, Long> counts(ControlPeer control) {
    Map<String, Long> counts = new TreeMap<>();
    for (Object each : control.ask("{\"op\":\"list\",\"id\":1}").getJsonArray("relays")) {
      JsonObject relay = (JsonObject) each;
      String id = relay.getString("relay");
      if (ids.contains(id)) {
        counts.put(id + " aToB", relay.getJsonObject("bytes").getLong("aToB"));
        counts.put(id + " bToA", relay.getJsonObject("bytes").getLong("bToA"));
      }
    }
    return counts;
  }

  private void pause() throws InterruptedException {
    stopped = true;
    thread.join();
    check();
  }

  /** Ends, and fails when a stream was not right. */
  @Override
  public void close() {
    stopped = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Descriptor.closeAll(ends);
    check();
  }
}
