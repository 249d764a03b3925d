package dev.oxbow.fish;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fish.network.Offloads;
import dev.oxbow.fish.session.SessionPlane;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePlane;
import dev.oxbow.service.work.Turns;
import io.vertx.core.Future;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What carries Fish's packets, as what an upgrade drives. All packets come through one tun, so that
 * all sessions are in one group, the first.
 */
final class FishPlane implements ServicePlane {
  private static final Logger log = LoggerFactory.getLogger(FishPlane.class);
  private static final int GROUP = 0;

  /** How old counters of the tun may be. */
  private static final long LOOK_NANOS = 1_000_000_000;

  private final DescriptorLoop loop;
  private final SessionPlane plane;
  private final Installation installation;
  private final Function<Callable<Boolean>, Future<Boolean>> blocking;

  /** Packets that the tun's queue had no room for, a moment ago. */
  private volatile long deviceDropped;

  private @Nullable Timer look;
  private volatile boolean closed;

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
    loop.execute(this::lookLater);
  }

  private void lookLater() {
    if (!closed) {
      look = loop.schedule(this::look, LOOK_NANOS);
    }
  }

  private void look() {
    apart(() -> deviceDropped = installation.dropped())
        .onFailure(this::unread)
        .eventually(() -> Turns.call(loop, this::lookLater));
  }

  private void unread(Throwable why) {
    if (!closed) {
      log.warn("the counters of the tun cannot be read", why);
    }
  }

  /** Writes counters of the tun into the open object. */
  void stats(MessageWriter out) {
    Offloads offloads = installation.offloads();
    out.object("device")
        .number("tcpSegments", offloads.tcp() ? 1 : 0)
        .number("udpSegments", offloads.udp() ? 1 : 0)
        .number("txDropped", deviceDropped)
        .end();
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
    end();
    return apart(installation::abandon);
  }

  /** Puts the network back; all sessions have ended. */
  Future<Void> close() {
    end();
    return apart(installation::restore);
  }

  private void end() {
    closed = true;
    Timer own = look;
    if (own != null) {
      own.cancel();
    }
    plane.close();
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
