package dev.oxbow.splicer;

import static dev.oxbow.fdpassing.libc.Sockets.MSG_DONTWAIT;
import static java.util.Objects.requireNonNull;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.upgrade.Drill;
import dev.oxbow.service.runtime.Version;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Hand-overs of a Splicer that nobody uses, with relays between socket pairs, so that the JVM has
 * compiled both sides of it before relays of others wait for that. Leaves nothing behind. Blocks;
 * one thread, on no event loop.
 */
final class Practice implements Drill.Heir, AutoCloseable {

  /** More than one in each group, so that lists of them are walked. */
  private static final int MAX_RELAYS = 96;

  /** Both ends of both sockets, two copies of what is relayed, pipes and their copies. */
  private static final int DESCRIPTORS_PER_RELAY = 24;

  /** Without a control socket nothing is made there. */
  private static final Path NOWHERE = Path.of("/nonexistent");

  private static final int PIPE_BYTES = 64 << 10;
  private static final int BYTES = 256;
  private static final int PATIENCE_SECONDS = 10;

  private final Vertx vertx;
  private final OxbowOptions options;
  private final List<Descriptor[]> peers = new ArrayList<>();
  private final List<Future<SpliceReport>> reports = new ArrayList<>();
  private final NativeMemory buffer = NativeMemory.allocate(BYTES);
  private @Nullable Splicer splicer;
  private @Nullable SplicerVerticle heir;
  private @Nullable String deployment;

  private Practice(Vertx vertx) {
    this.vertx = vertx;
    this.options =
        new OxbowOptions(NOWHERE)
            .setSplicer(new SplicerOptions().setLoops(1).setPipeBytes(PIPE_BYTES));
  }

  /**
   * Practises until the time is used up, at least once; not at all where descriptors are short.
   *
   * @param cpu processor time of this process, all threads
   * @param wall time that passes
   */
  static void run(Vertx vertx, Duration cpu, Duration wall) {
    long free = Syscalls.descriptorLimit() - Syscalls.openDescriptors();
    int relays = (int) Math.min(MAX_RELAYS, free / 2 / DESCRIPTORS_PER_RELAY);
    if (relays == 0) {
      return;
    }
    long cpuLimit = cpuNanos() + cpu.toNanos();
    long deadline = System.nanoTime() + wall.toNanos();
    try (Practice practice = new Practice(vertx);
        Drill drill = new Drill()) {
      SplicerVerticle home = practice.start(relays);
      drill.meet(Version.current(), home);
      do {
        practice.exchange();
        drill.run(home, practice);
      } while (cpuNanos() < cpuLimit && System.nanoTime() < deadline);
    }
  }

  private static long cpuNanos() {
    return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toNanos();
  }

  private SplicerVerticle start(int relays) {
    String address = EmbeddedSplicer.newAddress();
    SplicerVerticle home = new SplicerVerticle(options, null, address);
    Splicer started = await(EmbeddedSplicer.start(vertx, address, home));
    splicer = started;
    for (int i = 0; i < relays; i++) {
      Descriptor[] client = pair();
      Descriptor[] server = pair();
      peers.add(new Descriptor[] {client[0], server[0]});
      try {
        Relay relay = await(started.splice(new SpliceRequest(client[1], server[1])));
        reports.add(relay.finished().onSuccess(SpliceReport::close));
      } catch (RuntimeException e) {
        Descriptor.closeAll(List.of(client[1], server[1]));
        throw e;
      }
    }
    return home;
  }

  private static Descriptor[] pair() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_STREAM);
    return new Descriptor[] {Descriptor.adopt((int) ends), Descriptor.adopt((int) (ends >>> 32))};
  }

  /** Bytes through every relay, both ways. */
  private void exchange() {
    for (Descriptor[] ends : peers) {
      Sockets.send(ends[0].fd(), buffer.address(), BYTES, MSG_DONTWAIT);
      Sockets.send(ends[1].fd(), buffer.address(), BYTES, MSG_DONTWAIT);
    }
    for (Descriptor[] ends : peers) {
      receive(ends[0].fd());
      receive(ends[1].fd());
    }
  }

  private void receive(int fd) {
    for (long received = 0; received < BYTES; ) {
      if (Sockets.poll(fd, Sockets.POLLIN, PATIENCE_SECONDS * 1000) == 0) {
        throw new IllegalStateException("a relay of the practice moves nothing");
      }
      received += Math.max(0, Sockets.recv(fd, buffer.address(), BYTES - received, MSG_DONTWAIT));
    }
  }

  @Override
  public Future<? extends Transferable> inherit(Cargo cargo) {
    SplicerVerticle next = new SplicerVerticle(options, cargo, EmbeddedSplicer.newAddress());
    heir = next;
    return vertx
        .deployVerticle(next)
        .map(
            id -> {
              deployment = id;
              return next;
            });
  }

  @Override
  public void works() {
    exchange();
  }

  @Override
  public Future<Void> abandon() {
    SplicerVerticle last = requireNonNull(heir);
    String id = requireNonNull(deployment);
    return last.abandon().compose(v -> vertx.undeploy(id));
  }

  /** Ends the relays, whose sockets come back and are closed. */
  @Override
  public void close() {
    peers.forEach(ends -> Descriptor.closeAll(List.of(ends)));
    try {
      await(Future.all(reports));
    } finally {
      if (splicer != null) {
        await(splicer.close());
      }
    }
  }

  private static <T> T await(Future<T> future) {
    try {
      return future.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new IllegalStateException("the practice hangs", e);
    }
  }
}
