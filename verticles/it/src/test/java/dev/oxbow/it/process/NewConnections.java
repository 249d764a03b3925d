package dev.oxbow.it.process;

import dev.oxbow.fdpassing.testing.Await;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * An origin, and clients that connect to it through somebody else at a steady rate. Each sends a
 * number of its own and must get the answer that belongs to it, and then the end. Downloads go on
 * beside them. What went wrong is collected.
 */
final class NewConnections implements AutoCloseable {
  private static final long TICK_MS = 5;
  private static final int LIMIT = 60_000;

  /** A machine that cannot do the rate must not run out of descriptors instead. */
  private static final int OUTSTANDING = 3_000;

  private static final int CHUNK_BYTES = 4096;
  private static final int CHUNK_MS = 10;
  private static final long DOWNLOAD = 1L << 62;

  private final Vertx vertx = Vertx.vertx();
  private final NetServer origin;
  private final NetClient clients;
  private final int perSecond;
  private final AtomicLong begun = new AtomicLong();
  private final AtomicLong served = new AtomicLong();
  private final AtomicLong downloads = new AtomicLong();
  private final AtomicLong downloaded = new AtomicLong();
  private final ConcurrentLinkedQueue<String> trouble = new ConcurrentLinkedQueue<>();
  private final Map<Long, String> addresses = new ConcurrentHashMap<>();
  private final AtomicLong longestConnectNanos = new AtomicLong();
  private int port;
  private long timer = -1;
  private long beganNanos;
  private long endedNanos;

  NewConnections(int perSecond) throws TimeoutException {
    this.perSecond = perSecond;
    this.origin =
        vertx
            .createNetServer(new NetServerOptions().setAcceptBacklog(4096))
            .connectHandler(NewConnections::answer)
            .listen(0, "127.0.0.1")
            .await(10, TimeUnit.SECONDS);
    this.clients = vertx.createNetClient(new NetClientOptions().setConnectTimeout(30_000));
  }

  /** Where connections should end up. */
  String target() {
    return "127.0.0.1:" + origin.actualPort();
  }

  /** What must be answered to a number. */
  private static long mixed(long number) {
    return number * 0x9E3779B97F4A7C15L + 1;
  }

  private static void answer(NetSocket socket) {
    socket.handler(
        request -> {
          long number = request.getLong(0);
          if (number < DOWNLOAD) {
            socket.end(Buffer.buffer().appendLong(mixed(number)));
          } else {
            send(socket, new SplittableRandom(number), number - DOWNLOAD);
          }
        });
  }

  /** So slowly that it lasts. */
  private static void send(NetSocket socket, SplittableRandom random, long chunks) {
    if (chunks == 0) {
      socket.end();
      return;
    }
    byte[] chunk = new byte[CHUNK_BYTES];
    random.nextBytes(chunk);
    socket.write(Buffer.buffer(chunk));
    later(CHUNK_MS, () -> send(socket, random, chunks - 1));
  }

  private static void later(long ms, Runnable task) {
    Vertx.currentContext().owner().setTimer(ms, unused -> task.run());
  }

  /** Begins to connect, to a port of this machine. */
  void start(int forwarder) {
    port = forwarder;
    long began = System.nanoTime();
    beganNanos = began;
    timer =
        vertx.setPeriodic(
            TICK_MS,
            unused -> {
              long due = (System.nanoTime() - began) * perSecond / 1_000_000_000L;
              while (begun.get() < Math.min(due, LIMIT)
                  && begun.get() - served.get() < OUTSTANDING) {
                ask(begun.incrementAndGet());
              }
            });
  }

  private void ask(long number) {
    long asked = System.nanoTime();
    clients
        .connect(port, "127.0.0.1")
        .onFailure(e -> trouble.add(number + " could not connect: " + e))
        .onSuccess(
            socket -> {
              longestConnectNanos.accumulateAndGet(System.nanoTime() - asked, Math::max);
              Buffer got = Buffer.buffer();
              addresses.put(number, socket.localAddress().toString());
              socket
                  .handler(got::appendBuffer)
                  .exceptionHandler(e -> trouble.add(number + ": " + e))
                  .endHandler(unused -> check(number, got));
              socket.write(Buffer.buffer().appendLong(number));
            });
  }

  private void check(long number, Buffer got) {
    if (got.length() == 8 && got.getLong(0) == mixed(number)) {
      served.incrementAndGet();
    } else {
      trouble.add(number + " got " + got.length() + " bytes that are not its answer");
    }
  }

  /** Begins a download that takes about so many seconds. */
  void download(int forwarder, int seconds) {
    long chunks = seconds * 1000L / CHUNK_MS;
    downloads.incrementAndGet();
    clients
        .connect(forwarder, "127.0.0.1")
        .onFailure(e -> trouble.add("a download could not connect: " + e))
        .onSuccess(socket -> receive(socket, DOWNLOAD + chunks));
  }

  private void receive(NetSocket socket, long number) {
    MessageDigest digest = sha256();
    socket
        .handler(buffer -> digest.update(buffer.getBytes()))
        .exceptionHandler(e -> trouble.add("download: " + e))
        .endHandler(
            unused -> {
              if (HexFormat.of().formatHex(digest.digest()).equals(expected(number))) {
                downloaded.incrementAndGet();
              } else {
                trouble.add("a download with the wrong hash");
              }
            });
    socket.write(Buffer.buffer().appendLong(number));
  }

  private static String expected(long number) {
    MessageDigest digest = sha256();
    SplittableRandom random = new SplittableRandom(number);
    byte[] chunk = new byte[CHUNK_BYTES];
    for (long i = number - DOWNLOAD; i > 0; i--) {
      random.nextBytes(chunk);
      digest.update(chunk);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** Connections that have been answered so far. */
  long served() {
    return served.get();
  }

  /** Begins no more, waits for the answers of all; how many connections there were. */
  long finish() {
    vertx.cancelTimer(timer);
    endedNanos = System.nanoTime();
    Await.until(
        "all are served but for " + trouble,
        TimeUnit.SECONDS.toNanos(60),
        () -> !trouble.isEmpty() || allServed());
    return begun.get() + downloads.get();
  }

  private boolean allServed() {
    return served.get() == begun.get() && downloaded.get() == downloads.get();
  }

  /** Connections that were begun a second, until {@link #finish()}. */
  long rate() {
    return begun.get() * 1_000_000_000L / (endedNanos - beganNanos);
  }

  /** How long the slowest connection took to be made. */
  long longestConnectMs() {
    return longestConnectNanos.get() / 1_000_000;
  }

  /** What went wrong. */
  List<String> trouble() {
    return List.copyOf(trouble);
  }

  /** The clients' own addresses, of all but downloads. */
  List<String> addresses() {
    return List.copyOf(addresses.values());
  }

  @Override
  public void close() throws TimeoutException {
    vertx.close().await(10, TimeUnit.SECONDS);
  }
}
