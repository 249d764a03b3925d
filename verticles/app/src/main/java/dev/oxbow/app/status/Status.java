package dev.oxbow.app.status;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Signals;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerException;
import io.vertx.core.Vertx;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Asks a running service and prints what it says. */
final class Status {
  private static final Path DEFAULT_RUNTIME_DIR = Path.of("/run/oxbow");
  private static final String SOCKET = "splicer.sock";
  private static final long ANSWER_SECONDS = 10;

  /** ECMA-48: cursor home, erase below. */
  private static final String CLEAR = "\033[H\033[J";

  /**
   * How to show it.
   *
   * @param json one JSON object a time instead of a table
   * @param watch again each second
   * @param limit rows at most
   */
  record View(boolean json, boolean watch, int limit) {}

  private Status() {}

  /**
   * Prints the status. Blocks.
   *
   * @throws StartException when there is no such service or it does not answer
   */
  static int show(@Nullable Path config, @Nullable Path runtimeDir, String app, View view)
      throws InterruptedException {
    Path directory =
        config != null
            ? OxbowConfig.load(config).getRuntimeDir()
            : runtimeDir != null ? runtimeDir : DEFAULT_RUNTIME_DIR;
    Path socket = directory.resolve(SOCKET);
    CountDownLatch stop = view.watch() ? Signals.stopRequested() : new CountDownLatch(0);
    Vertx vertx = NativeVertx.open(1);
    try {
      Splicer splicer = Splicer.remote(vertx, socket, app).await(ANSWER_SECONDS, TimeUnit.SECONDS);
      print(splicer, view, stop);
      splicer.close().await(ANSWER_SECONDS, TimeUnit.SECONDS);
      return ExitStatus.OK;
    } catch (SplicerException e) {
      throw new StartException("No status from " + socket + ": " + e.getMessage(), e);
    } catch (TimeoutException e) {
      throw new StartException("No answer from " + socket + ".", e);
    } finally {
      vertx.close();
    }
  }

  private static void print(Splicer splicer, View view, CountDownLatch stop)
      throws InterruptedException, TimeoutException {
    PrintStream out = System.out;
    StatusTable table = new StatusTable(view.limit());
    do {
      Snapshot snapshot = Snapshot.take(splicer).await(ANSWER_SECONDS, TimeUnit.SECONDS);
      if (view.json()) {
        out.println(snapshot.json());
      } else {
        out.print((view.watch() ? CLEAR : "") + table.show(snapshot));
      }
      out.flush();
    } while (!stop.await(1, TimeUnit.SECONDS));
  }
}
