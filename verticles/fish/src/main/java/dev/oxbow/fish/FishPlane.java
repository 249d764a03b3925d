package dev.oxbow.fish;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.session.SessionPlane;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePlane;
import dev.oxbow.service.work.Turns;
import io.vertx.core.Future;
import java.util.concurrent.Callable;
import java.util.function.Function;

/**
 * What carries Fish's packets, as what an upgrade drives. All packets come through one tun, so that
 * all sessions are in one group, the first.
 */
final class FishPlane implements ServicePlane {
  private static final int GROUP = 0;

  private final DescriptorLoop loop;
  private final SessionPlane plane;
  private final Installation installation;
  private final Function<Callable<Boolean>, Future<Boolean>> blocking;

  /** Whether the rules are still those of the process before this one. */
  private boolean rulesInherited;

  /**
   * @param inherited whether another process has set up the installation
   * @param blocking runs something that blocks in the installation's network namespace
   */
  FishPlane(
      DescriptorLoop loop,
      Installation installation,
      boolean inherited,
      Function<Callable<Boolean>, Future<Boolean>> blocking) {
    this.loop = loop;
    this.plane = installation.plane();
    this.installation = installation;
    this.rulesInherited = inherited;
    this.blocking = blocking;
  }

  SessionPlane sessions() {
    return plane;
  }

  @Override
  public Future<Void> freeze(int group) {
    return group == GROUP ? Turns.call(loop, plane::freeze) : Future.succeededFuture();
  }

  @Override
  public Future<Void> thaw(int group) {
    return group == GROUP ? Turns.call(loop, plane::thaw) : Future.succeededFuture();
  }

  @Override
  public int flows(int group) {
    return group == GROUP ? plane.size() : 0;
  }

  @Override
  public Future<Void> share(Cargo cargo) {
    plane.share();
    installation.lend(cargo);
    return Future.succeededFuture();
  }

  /** What is granted may have changed with the configuration: now the rules follow. */
  @Override
  public Future<Void> unshare() {
    plane.unshare();
    if (!rulesInherited) {
      return Future.succeededFuture();
    }
    rulesInherited = false;
    return apart(installation::reload);
  }

  /** As a crash would: rules and blackhole stay. */
  @Override
  public Future<Void> abandon() {
    plane.close();
    return apart(installation::abandon);
  }

  /** Undoes a start that did not succeed: what an earlier life has left stays for the next. */
  Future<Void> giveUp() {
    return installation.isFirst() ? close() : abandon();
  }

  /** Puts the network back; all sessions have ended. */
  Future<Void> close() {
    plane.freeze();
    return apart(installation::saveResting)
        .eventually(
            () -> {
              plane.close();
              return apart(installation::restore);
            });
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
}
