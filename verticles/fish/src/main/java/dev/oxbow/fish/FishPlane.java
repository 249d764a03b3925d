package dev.oxbow.fish;

import dev.oxbow.fish.session.SessionPlane;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePlane;
import io.vertx.core.Future;
import java.util.concurrent.Callable;
import java.util.function.Function;

/**
 * What carries Fish's packets, and the network that was set up for it. It is not handed over: an
 * upgrade is refused before it comes to that.
 */
final class FishPlane implements ServicePlane {
  private final SessionPlane plane;
  private final Installation installation;
  private final Function<Callable<Boolean>, Future<Boolean>> blocking;

  /**
   * @param blocking runs something that blocks in the installation's network namespace
   */
  FishPlane(
      SessionPlane plane,
      Installation installation,
      Function<Callable<Boolean>, Future<Boolean>> blocking) {
    this.plane = plane;
    this.installation = installation;
    this.blocking = blocking;
  }

  @Override
  public Future<Void> freeze(int group) {
    return stays();
  }

  @Override
  public Future<Void> thaw(int group) {
    return Future.succeededFuture();
  }

  @Override
  public int flows(int group) {
    return 0;
  }

  @Override
  public Future<Void> share(Cargo cargo) {
    return stays();
  }

  @Override
  public Future<Void> unshare() {
    return Future.succeededFuture();
  }

  /** As a crash would: rules and blackhole stay. */
  @Override
  public Future<Void> abandon() {
    plane.close();
    return apart(() -> installation.network().close());
  }

  /** Puts the network back; all sessions have ended. */
  Future<Void> close() {
    plane.close();
    return apart(() -> installation.network().restore());
  }

  private Future<Void> apart(Runnable task) {
    return blocking
        .apply(
            () -> {
              task.run();
              return true;
            })
        .mapEmpty();
  }

  private static Future<Void> stays() {
    return Future.failedFuture(new UnsupportedOperationException("fish is not handed over"));
  }
}
