package dev.oxbow.service.testing;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.testing.EpollVertx;
import io.vertx.core.Deployable;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;

/** A service with a control socket in a directory of its own, for one test. */
public class ServedService implements AutoCloseable {
  private final Path directory;
  private final Path socket;
  private final Vertx vertx;
  private final String deployment;

  /**
   * Starts it. Everybody may connect who is on its lists.
   *
   * @param name of its control socket, without suffix
   * @param configure switches it on, and what else the test wants
   * @param service makes it
   */
  protected ServedService(
      String name, Consumer<OxbowOptions> configure, Function<OxbowOptions, Deployable> service) {
    try {
      // Others than root must be able to come in, so it is not JUnit's directory.
      directory = Files.createTempDirectory("oxbow");
      Files.setAttribute(directory, "unix:mode", 0755);
      socket = directory.resolve(name + ".sock");
      OxbowOptions options = new OxbowOptions(directory);
      options.getControl().setSocketMode(0666);
      configure.accept(options);
      vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
      deployment = EpollVertx.await(vertx.deployVerticle(service.apply(options)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Path directory() {
    return directory;
  }

  public Path socket() {
    return socket;
  }

  /** A connection that has said nothing yet. */
  public ControlPeer connect() {
    return ControlPeer.connect(socket);
  }

  /** A connection of an app, without acknowledgements. */
  public ControlPeer connect(String app) {
    return connect().hello(app, false);
  }

  /** Begins the orderly stop. */
  public Future<Void> undeploy() {
    return vertx.undeploy(deployment);
  }

  @Override
  public void close() {
    EpollVertx.await(vertx.close());
    try (Stream<Path> files = Files.walk(directory)) {
      List<Path> all = files.sorted(Comparator.reverseOrder()).toList();
      for (Path file : all) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
