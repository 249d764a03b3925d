package dev.oxbow.app.demo;

import dev.oxbow.app.console.Units;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Live progress on standard error: a line that is redrawn on a terminal, else one a second. */
final class Progress implements AutoCloseable {
  private static final double NANOS_PER_SECOND = 1e9;
  private static final int WIDTH = 78;

  private final PrintStream out;
  private final boolean terminal;
  private final long began = System.nanoTime();
  private final ScheduledExecutorService clock;
  private Supplier<String> relays = () -> "";
  private LongSupplier bytes = () -> 0;
  private long bytesBefore;
  private long nanosBefore = began;
  private boolean live;
  private @Nullable ScheduledFuture<?> showing;

  private Progress(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
    this.clock =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "progress");
              thread.setDaemon(true);
              return thread;
            });
  }

  static Progress onStandardError() {
    return new Progress(System.err, isTerminal(Path.of("/proc/self/fd/2")));
  }

  /** Says what happens now, on a line of its own. */
  synchronized void say(String what) {
    erase();
    out.printf(Locale.ROOT, "%5.1fs  %s%n", seconds(), what);
  }

  /**
   * Begins to show what moves.
   *
   * @param relays a few words about them
   * @param bytes moved since the start
   */
  synchronized void watch(Supplier<String> relays, LongSupplier bytes) {
    this.relays = relays;
    this.bytes = bytes;
    long periodMs = terminal ? 250 : 1000;
    showing = clock.scheduleAtFixedRate(this::show, periodMs, periodMs, TimeUnit.MILLISECONDS);
  }

  /** Shows no more what moves. */
  synchronized void unwatch() {
    if (showing != null) {
      showing.cancel(false);
    }
    erase();
  }

  /** Seconds since the start. */
  double seconds() {
    return (System.nanoTime() - began) / NANOS_PER_SECOND;
  }

  @Override
  public synchronized void close() {
    unwatch();
    clock.shutdownNow();
  }

  private synchronized void show() {
    long now = System.nanoTime();
    long moved = bytes.getAsLong();
    double rate = (moved - bytesBefore) / ((now - nanosBefore) / NANOS_PER_SECOND);
    bytesBefore = moved;
    nanosBefore = now;
    String line =
        String.format(
            Locale.ROOT,
            "%5.1fs    %s, %s moved, %s/s",
            seconds(),
            relays.get(),
            Units.bytes(moved),
            Units.bytes((long) Math.max(0, rate)));
    if (terminal) {
      erase();
      out.print(line.length() > WIDTH ? line.substring(0, WIDTH) : line);
      live = true;
    } else {
      out.println(line);
    }
    out.flush();
  }

  /** System.console() would tell of standard input and standard output only. */
  private static boolean isTerminal(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().matches("/dev/(pts/|tty|console).*");
    } catch (IOException e) {
      return false;
    }
  }

  /** ECMA-48: back to the first column, erase the line. */
  private void erase() {
    if (live) {
      out.print("\r\033[K");
      live = false;
    }
  }
}
