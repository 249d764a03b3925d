package dev.oxbow.bumblebee;

import static dev.oxbow.fdpassing.libc.Sockets.MSG_DONTWAIT;

import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePractice;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Hand-overs of a Bumblebee that nobody uses, in a namespace of its own: packets made by hand go
 * into tunnels, come out of the kernel's sockets, and back.
 */
class Practice extends ServicePractice {
  static final int PATIENCE_MS = PATIENCE_SECONDS * 1000;

  /** One: each has a device, which takes the kernel its time. */
  private static final int TUNNELS = 1;

  private static final int CONNECTIONS = 16;

  /** What a connection carries at once, in each direction: within any window. */
  private static final int SEGMENTS = 16;

  private static final int SEGMENT_BYTES = 500;
  private static final int BYTES = SEGMENTS * SEGMENT_BYTES;
  private static final int FIRST_PORT = 2000;

  private final Vertx vertx;
  private final OxbowOptions options =
      new OxbowOptions(NOWHERE)
          .setBumblebee(
              new BumblebeeOptions().setLoops(1).setMaxTunnels(64).setGroupConnections(256));
  private final List<Descriptor> flows = new ArrayList<>();
  private final List<PracticeClient> clients = new ArrayList<>();
  private final BlockingQueue<TunnelConnection> accepted = new LinkedBlockingQueue<>();
  private final List<TunnelConnection> servers = new ArrayList<>();
  private final List<Future<TunnelReport>> reports = new ArrayList<>();
  private final NativeMemory buffer = NativeMemory.allocate(BYTES);
  private @Nullable Bumblebee bumblebee;

  Practice(Vertx vertx) {
    super(vertx);
    this.vertx = vertx;
  }

  /** As {@link ServicePractice#run}. */
  static void run(Vertx vertx, Duration cpu, Duration wall) {
    try (Practice practice = new Practice(vertx)) {
      practice.run(cpu, wall);
    }
  }

  @Override
  protected ServiceVerticle start() {
    String address = EmbeddedBumblebee.newAddress();
    BumblebeeVerticle home = new BumblebeeVerticle(options, null, address);
    Bumblebee started = await(EmbeddedBumblebee.start(vertx, address, home, new Told()));
    bumblebee = started;
    started.connections().handler(accepted::add);
    for (int i = 0; i < TUNNELS; i++) {
      Descriptor far = tunnel(started);
      for (int j = 0; j < CONNECTIONS; j++) {
        PracticeClient client = new PracticeClient(far, FIRST_PORT + j);
        client.open();
        clients.add(client);
        servers.add(next());
      }
    }
    return home;
  }

  /** Opens a tunnel; the other end of its flow. */
  private Descriptor tunnel(Bumblebee started) {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET);
    Descriptor near = Descriptor.adopt((int) ends);
    Descriptor far = Descriptor.adopt((int) (ends >>> 32));
    flows.add(far);
    try {
      Tunnel tunnel = await(started.upgrade(new UpgradeRequest(near)));
      reports.add(tunnel.closed().onSuccess(TunnelReport::close));
      return far;
    } catch (RuntimeException e) {
      near.close();
      throw e;
    }
  }

  private TunnelConnection next() {
    try {
      TunnelConnection next = accepted.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (next == null) {
        throw new IllegalStateException("no connection of the practice comes");
      }
      return next;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  protected ServiceVerticle heirOf(Cargo cargo) {
    return new BumblebeeVerticle(options, cargo, EmbeddedBumblebee.newAddress());
  }

  @Override
  protected void exchange() {
    clients.forEach(client -> client.send(SEGMENTS, SEGMENT_BYTES));
    servers.forEach(server -> receive(server.socket().fd()));
    // One tunnel's connections after the other: a client takes what comes out of its flow.
    for (int i = 0; i < clients.size(); i++) {
      Sockets.send(servers.get(i).socket().fd(), buffer.address(), BYTES, MSG_DONTWAIT);
      clients.get(i).take(BYTES);
    }
  }

  private void receive(int fd) {
    for (long received = 0; received < BYTES; ) {
      if (Sockets.poll(fd, Sockets.POLLIN, PATIENCE_MS) == 0) {
        throw new IllegalStateException("a tunnel of the practice moves nothing");
      }
      received += Math.max(0, Sockets.recv(fd, buffer.address(), BYTES - received, MSG_DONTWAIT));
    }
  }

  /** Ends the tunnels with their flows. */
  @Override
  public void close() {
    Descriptor.closeAll(flows);
    servers.forEach(TunnelConnection::close);
    accepted.forEach(TunnelConnection::close);
    Bumblebee started = bumblebee;
    if (started != null) {
      finish(reports, started::close);
    }
  }
}
