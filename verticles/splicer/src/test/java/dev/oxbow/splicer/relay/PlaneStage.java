package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.splicer.load.Wire;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A data plane on one event loop, and relays on it that its owner ends or that end by themselves.
 */
final class PlaneStage implements AutoCloseable {
  private static final long FIRST_ID = DataPlane.GROUPS * 1000L;

  private final EpollVertx vertx = EpollVertx.open();
  private final SplicePlane plane;
  private final List<Running> all = Collections.synchronizedList(new ArrayList<>());
  private long lastId = FIRST_ID;

  /** A relay of this stage. */
  record Running(long id, LiveRelay relay, CompletableFuture<RelayOutcome> finished) {

    RelayOutcome outcome() {
      try {
        return finished.get(30, TimeUnit.SECONDS);
      } catch (ExecutionException | InterruptedException | TimeoutException e) {
        throw new AssertionError("no outcome", e);
      }
    }
  }

  PlaneStage() {
    this(new SplicePlane.Options(4096, 1 << 20, 32, 100, 50));
  }

  PlaneStage(SplicePlane.Options options) {
    plane =
        vertx.call(
            () -> {
              DescriptorLoop loop = DescriptorLoop.of(vertx.context());
              return new SplicePlane(
                  loop, List.of(loop), options, (uid, strays) -> Descriptor.closeAll(strays));
            });
  }

  SplicePlane plane() {
    return plane;
  }

  EpollVertx vertx() {
    return vertx;
  }

  /** The group of the next relay. */
  int nextGroup() {
    return (int) ((lastId + 1) % DataPlane.GROUPS);
  }

  Running relay(Wire wire, boolean guarded) {
    return relay(wire, guarded, 0);
  }

  /** Starts a relay between the near ends, as the service would. */
  Running relay(Wire wire, boolean guarded, long idleTimeoutMs) {
    long id = ++lastId;
    int flagsA = nonBlocking(wire.a(), guarded);
    int flagsB = nonBlocking(wire.b(), guarded);
    RelaySpec spec = spec(id, wire, guarded, flagsA, flagsB, idleTimeoutMs);
    CompletableFuture<RelayOutcome> finished = new CompletableFuture<>();
    LiveRelay relay =
        vertx.call(() -> java.util.Objects.requireNonNull(plane.attach(spec, finished::complete)));
    Running running = new Running(id, relay, finished);
    all.add(running);
    return running;
  }

  private static RelaySpec spec(
      long id, Wire wire, boolean guarded, int flagsA, int flagsB, long idleTimeoutMs) {
    return new RelaySpec(
        id,
        0,
        guarded,
        wire.a().fd(),
        wire.b().fd(),
        isTcp(wire.a()),
        isTcp(wire.b()),
        flagsA,
        flagsB,
        null,
        0,
        null,
        0,
        idleTimeoutMs,
        0,
        0,
        0);
  }

  /** A relay that never ran, for the hands of a watchdog. */
  static Relay unstarted(RelayLoop loop, Wire wire) {
    RelayRecord record =
        new RelayRecord(NativeMemory.allocate(RelayRecord.BYTES), 0, 0, Ledger.VERSION);
    return new Relay(loop, spec(1, wire, false, 2, 2, 0), record, outcome -> {});
  }

  private static int nonBlocking(Descriptor socket, boolean guarded) {
    int flags = Syscalls.fcntl(socket.fd(), Syscalls.F_GETFL, 0);
    // A guarded relay must not rely on the flag: there it is off.
    int wanted = guarded ? flags & ~Syscalls.O_NONBLOCK : flags | Syscalls.O_NONBLOCK;
    Syscalls.fcntl(socket.fd(), Syscalls.F_SETFL, wanted);
    return flags;
  }

  private static boolean isTcp(Descriptor socket) {
    return Sockets.option(socket.fd(), Sockets.SOL_SOCKET, Sockets.SO_PROTOCOL)
        == Sockets.IPPROTO_TCP;
  }

  void freeze(int group) {
    EpollVertx.await(vertx.call(() -> plane.freeze(group)));
  }

  void thaw(int group) {
    EpollVertx.await(vertx.call(() -> plane.thaw(group)));
  }

  DataPlane.Counters counters() {
    return vertx.call(plane::counters);
  }

  /** Ends a relay and closes what comes back. */
  RelayOutcome abort(Running running) {
    running.relay().end(EndReason.ABORTED);
    RelayOutcome outcome = running.outcome();
    close(outcome);
    return outcome;
  }

  private static void close(RelayOutcome outcome) {
    if (outcome.aToB().undelivered() != null) {
      outcome.aToB().undelivered().close();
    }
    if (outcome.bToA().undelivered() != null) {
      outcome.bToA().undelivered().close();
    }
  }

  @Override
  public void close() {
    all.forEach(running -> running.relay().end(EndReason.ABORTED));
    all.forEach(running -> close(running.outcome()));
    vertx.run(plane::close);
    vertx.close();
  }
}
