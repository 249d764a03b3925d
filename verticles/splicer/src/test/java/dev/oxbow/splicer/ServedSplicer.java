package dev.oxbow.splicer;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.testing.EpollVertx;
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
import java.util.stream.Stream;

/** A Splicer with a control socket in a directory of its own, for one test. */
final class ServedSplicer implements AutoCloseable {
  private final Path directory;
  private final Vertx vertx;
  private final String deployment;

  private ServedSplicer(Path directory, Vertx vertx, String deployment) {
    this.directory = directory;
    this.vertx = vertx;
    this.deployment = deployment;
  }

  /** With defaults, but no idle pipes that would look like leaks. */
  static ServedSplicer start() {
    return start(options -> {});
  }

  static ServedSplicer start(Consumer<OxbowOptions> change) {
    try {
      // Others than root must be able to come in, so it is not JUnit's directory.
      Path directory = Files.createTempDirectory("oxbow");
      Files.setAttribute(directory, "unix:mode", 0755);
      OxbowOptions options =
          new OxbowOptions(directory).setSplicer(new SplicerOptions().setIdlePipes(0));
      options.getControl().setSocketMode(0666);
      change.accept(options);
      Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
      String deployment = EpollVertx.await(vertx.deployVerticle(new SplicerVerticle(options)));
      return new ServedSplicer(directory, vertx, deployment);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path directory() {
    return directory;
  }

  Path socket() {
    return directory.resolve("splicer.sock");
  }

  /** A connection that has said nothing yet. */
  ControlPeer connect() {
    return ControlPeer.connect(socket());
  }

  /** A connection of an app, without acknowledgements. */
  ControlPeer connect(String app) {
    return connect().hello(app, false);
  }

  /** Begins the orderly stop. */
  Future<Void> undeploy() {
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
