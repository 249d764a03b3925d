package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.TestPeer;
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

  EpollVertx vertx() {
    return vertx;
  }

  KernelPlane plane() {
    return plane;
  }

  /** A stage whose groups 0 to some number have a device already, which stays for the next. */
  static PlaneStage warm(int groups) {
    PlaneStage stage = new PlaneStage();
    try (RawFlow flow = new RawFlow()) {
      for (int group = 0; group < groups; group++) {
        stage.open(flow.spec((long) TunnelPlane.GROUPS + group, 1500)).end();
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
    final CompletableFuture<TunnelOutcome> outcome = new CompletableFuture<>();
    @Nullable LiveTunnel tunnel;

    @Override
    public void connected(AcceptedConnection connection) {
      connections.add(connection);
    }

    @Override
    public void closed(TunnelOutcome result) {
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

    /** Ends the tunnel, and says how it went. */
    TunnelOutcome end() {
      tunnel.end(EndReason.ABORTED);
      return awaitEnd();
    }

    TunnelOutcome awaitEnd() {
      try {
        return outcome.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      } catch (Exception e) {
        throw new AssertionError("the tunnel did not end", e);
      }
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
