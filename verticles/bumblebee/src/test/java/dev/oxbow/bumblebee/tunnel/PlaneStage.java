package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowOutcome;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A plane on one event loop, and what its tunnels tell. */
final class PlaneStage implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 20;

  private final EpollVertx vertx = EpollVertx.open();
  private final KernelPlane plane;

  PlaneStage() {
    this(PlaneOptions.DEFAULT);
  }

  PlaneStage(PlaneOptions options) {
    DescriptorLoop loop = DescriptorLoop.of(vertx.context());
    plane = EpollVertx.await(vertx.call(() -> KernelPlane.open(loop, List.of(loop), options)));
  }

  /** One that takes over what another has lent. */
  private PlaneStage(Cargo cargo) {
    DescriptorLoop loop = DescriptorLoop.of(vertx.context());
    plane =
        EpollVertx.await(
            vertx.call(
                () -> KernelPlane.inherit(loop, List.of(loop), PlaneOptions.DEFAULT, cargo)));
  }

  /** Shares everything with a successor that has descriptors of its own, as a process has. */
  PlaneStage successor() {
    Cargo lent = new Cargo();
    EpollVertx.await(vertx.call(() -> plane.share(lent)));
    Cargo copies = new Cargo();
    for (String name : lent.names()) {
      copies.give(name, lent.get(name).duplicate());
    }
    lent.close();
    PlaneStage made = new PlaneStage(copies);
    assertThat(copies.names()).isEmpty();
    return made;
  }

  /** Takes over a tunnel of the stage that this one was made from. */
  Told adopt(Told tunnel, int flow) {
    Told told = new Told();
    told.tunnel = vertx.call(() -> plane.adopt(tunnel.tunnel.slot(), flow, told));
    return told;
  }

  /** All groups change hands, one by one. */
  void passTo(PlaneStage other) {
    for (int group = 0; group < TunnelPlane.GROUPS; group++) {
      EpollVertx.await(plane.freeze(group));
      EpollVertx.await(other.plane.thaw(group));
    }
  }

  /** Ends as a process does. */
  void abandon() {
    EpollVertx.await(vertx.call(plane::abandon));
    vertx.close();
  }

  /** Goes on alone. */
  void unshare() {
    EpollVertx.await(vertx.call(plane::unshare));
  }

  EpollVertx vertx() {
    return vertx;
  }

  KernelPlane plane() {
    return plane;
  }

  /** A stage whose groups 0 to some number have two devices already, which stay for the next. */
  static PlaneStage warm(int groups) {
    PlaneStage stage = new PlaneStage();
    try (RawFlow first = new RawFlow();
        RawFlow second = new RawFlow()) {
      for (int group = 0; group < groups; group++) {
        Told one = stage.open(first.spec((long) TunnelPlane.GROUPS + group, 1500));
        stage.open(second.spec(2L * TunnelPlane.GROUPS + group, 1500)).end();
        one.end();
      }
    }
    return stage;
  }

  /** Opens a tunnel. */
  Told open(TunnelSpec spec) {
    Told told = new Told();
    told.tunnel = vertx.call(() -> plane.attach(spec, told));
    return told;
  }

  /** What one tunnel has told. */
  static final class Told implements TunnelPlane.Observer {
    final BlockingQueue<AcceptedConnection> connections = new LinkedBlockingQueue<>();
    final CompletableFuture<FlowOutcome> outcome = new CompletableFuture<>();
    @Nullable LiveTunnel tunnel;

    @Override
    public void connected(AcceptedConnection connection) {
      connections.add(connection);
    }

    @Override
    public void closed(FlowOutcome result) {
      outcome.complete(result);
    }

    /** The next connection that was told, or is within some seconds. */
    AcceptedConnection next() {
      try {
        AcceptedConnection next = connections.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (next == null) {
          throw new AssertionError("no connection was told");
        }
        return next;
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    /** The next connection's socket, to be driven by the test. */
    TestPeer nextPeer() {
      return new TestPeer(next().socket());
    }

    /** Waits until so many packets have come from the flow. */
    void awaitPackets(long count) {
      Await.until(count + " packets came", () -> tunnel.packets().in() >= count);
    }

    /** Ends the tunnel, and says how it went. */
    FlowOutcome end() {
      tunnel.end(EndReason.ABORTED);
      return awaitEnd();
    }

    FlowOutcome awaitEnd() {
      try {
        return outcome.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      } catch (Exception e) {
        throw new AssertionError("the tunnel did not end", e);
      }
    }
  }

  /** Waits until the kernel's sockets have been counted, from now on. */
  void awaitCensus() {
    Population population = plane.population();
    // The first may be under way already.
    for (int i = 0; i < 2; i++) {
      long before = vertx.call(population::censuses);
      vertx.run(population::census);
      Await.until("a census is over", () -> vertx.call(population::censuses) > before);
    }
  }

  /** The counters, on the control loop. */
  TunnelPlane.Counters counters() {
    return vertx.call(plane::counters);
  }

  @Override
  public void close() {
    EpollVertx.await(vertx.call(plane::close));
    vertx.close();
  }
}
