package dev.oxbow.app.status;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Signals;
import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.BumblebeeVerticle;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.fish.Fish;
import dev.oxbow.fish.FishVerticle;
import dev.oxbow.service.client.ServiceException;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Asks running services and prints what they say. */
final class Status {
  private static final Path DEFAULT_RUNTIME_DIR = Path.of("/run/oxbow");
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
    CountDownLatch stop = view.watch() ? Signals.stopRequested() : new CountDownLatch(0);
    Vertx vertx = NativeVertx.open(1);
    try {
      List<Shown> services = connect(vertx, directory, app, new StatusTable(view.limit()));
      print(services, view, stop);
      for (Shown service : services) {
        await(service.socket, service.close.get());
      }
      return ExitStatus.OK;
    } finally {
      vertx.close();
    }
  }

  /**
   * A service that is asked.
   *
   * @param socket its control socket
   * @param table asks it and shows the answer as text
   * @param json asks it and writes the answer
   */
  private record Shown(
      Path socket,
      Supplier<Future<String>> table,
      Function<MessageWriter, Future<Void>> json,
      Supplier<Future<Void>> close) {}

  /** The services that have a control socket there; without any the Splicer is missed. */
  private static List<Shown> connect(Vertx vertx, Path directory, String app, StatusTable table) {
    List<Shown> services = new ArrayList<>();
    Path splicer = directory.resolve(SplicerVerticle.NAME + ".sock");
    Path bumblebee = directory.resolve(BumblebeeVerticle.NAME + ".sock");
    Path fish = directory.resolve(FishVerticle.NAME + ".sock");
    if (Files.exists(splicer) || !(Files.exists(bumblebee) || Files.exists(fish))) {
      Splicer to = await(splicer, Splicer.remote(vertx, splicer, app));
      services.add(
          new Shown(
              splicer,
              () -> Snapshot.take(to).map(table::show),
              json -> Snapshot.take(to).map(taken -> written(() -> taken.write(json))),
              to::close));
    }
    if (Files.exists(bumblebee)) {
      Bumblebee to = await(bumblebee, Bumblebee.remote(vertx, bumblebee, app));
      services.add(
          new Shown(
              bumblebee,
              () -> TunnelSnapshot.take(to).map(table::show),
              json ->
                  TunnelSnapshot.take(to)
                      .map(taken -> written(() -> taken.write(BumblebeeVerticle.NAME, json))),
              to::close));
    }
    if (Files.exists(fish)) {
      Fish to = await(fish, Fish.remote(vertx, fish, app));
      services.add(
          new Shown(
              fish,
              () -> SessionSnapshot.take(to).map(table::show),
              json ->
                  SessionSnapshot.take(to)
                      .map(taken -> written(() -> taken.write(FishVerticle.NAME, json))),
              to::close));
    }
    return services;
  }

  private static @Nullable Void written(Runnable write) {
    write.run();
    return null;
  }

  private static <T> T await(Path socket, Future<T> future) {
    try {
      return future.await(ANSWER_SECONDS, TimeUnit.SECONDS);
    } catch (ServiceException e) {
      throw new StartException("No status from " + socket + ": " + e.getMessage(), e);
    } catch (TimeoutException e) {
      throw new StartException("No answer from " + socket + ".", e);
    }
  }

  private static void print(List<Shown> services, View view, CountDownLatch stop)
      throws InterruptedException {
    PrintStream out = System.out;
    do {
      MessageWriter json = new MessageWriter();
      StringBuilder text = new StringBuilder(view.watch() ? CLEAR : "");
      for (Shown service : services) {
        if (view.json()) {
          await(service.socket, service.json.apply(json));
        } else {
          text.append(services.size() > 1 ? "== " + service.socket + "\n" : "")
              .append(await(service.socket, service.table.get()));
        }
      }
      out.print(view.json() ? new String(json.bytes(), StandardCharsets.UTF_8) + "\n" : text);
      out.flush();
    } while (!stop.await(1, TimeUnit.SECONDS));
  }
}
