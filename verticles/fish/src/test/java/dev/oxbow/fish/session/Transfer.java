package dev.oxbow.fish.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Many bytes on their way from one socket to another, looked at as they come. */
public final class Transfer {
  private static final int CHUNK_BYTES = 64 << 10;
  private static final int SEED = 1128;
  private static final long PATIENCE_SECONDS = 60;

  /** Both ends wait for a long time. */
  private static final Executor THREADS =
      task -> {
        Thread thread = new Thread(task, "transfer");
        thread.setDaemon(true);
        thread.start();
      };

  private final AtomicLong received = new AtomicLong();
  private volatile long longestNanos;
  private final CompletableFuture<Void> sending;
  private final CompletableFuture<Void> receiving;

  private Transfer(Socket from, Socket to, long bytes) {
    sending = CompletableFuture.runAsync(() -> send(from, bytes), THREADS);
    receiving = CompletableFuture.runAsync(() -> receive(to, bytes), THREADS);
  }

  public static Transfer begin(Socket from, Socket to, long bytes) throws IOException {
    to.setSoTimeout((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
    return new Transfer(from, to, bytes);
  }

  public long received() {
    return received.get();
  }

  /** The longest time without a byte. */
  public long longestNanos() {
    return longestNanos;
  }

  public void join() {
    sending.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    receiving.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
  }

  private static void send(Socket socket, long bytes) {
    Random random = new Random(SEED);
    byte[] chunk = new byte[CHUNK_BYTES];
    try {
      OutputStream out = socket.getOutputStream();
      for (long sent = 0; sent < bytes; sent += chunk.length) {
        random.nextBytes(chunk);
        out.write(chunk);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void receive(Socket socket, long bytes) {
    Random random = new Random(SEED);
    byte[] chunk = new byte[CHUNK_BYTES];
    try {
      InputStream in = socket.getInputStream();
      long since = System.nanoTime();
      while (received.get() < bytes) {
        random.nextBytes(chunk);
        assertThat(in.readNBytes(chunk.length)).isEqualTo(chunk);
        received.addAndGet(chunk.length);
        longestNanos = Math.max(longestNanos, System.nanoTime() - since);
        since = System.nanoTime();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
