package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.splicer.load.Wire;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One data plane of a succession. As processes have, each has descriptors of its own for the same
 * sockets, pipes and ledger; all of them live in this JVM.
 */
final class Generation implements AutoCloseable {
  private static final SplicePlane.Options OPTIONS =
      new SplicePlane.Options(4096, 1 << 16, 32, 100, 0);

  private final EpollVertx vertx = EpollVertx.open();
  private final SplicePlane plane;
  private final Map<Long, Member> members = new LinkedHashMap<>();
  private final List<Descriptor> own = new ArrayList<>();
  private final AtomicInteger strays = new AtomicInteger();
  private @Nullable Cargo lent;
  private boolean shared;
  private boolean left;

  /** What a relay is to do, beside moving bytes. */
  record Order(
      boolean guarded,
      byte[] preludeToB,
      long idleTimeoutMs,
      long halfCloseTimeoutMs,
      long maxDurationMs,
      long maxBytes) {
    static final Order PLAIN = new Order(false, new byte[0], 0, 0, 0, 0);
    static final Order GUARDED = new Order(true, new byte[0], 0, 0, 0, 0);
  }

  /** One relay as this generation has it. */
  static final class Member implements DataPlane.Observer {
    private final Descriptor a;
    private final Descriptor b;
    private final boolean guarded;
    private final CompletableFuture<RelayOutcome> finished = new CompletableFuture<>();
    private final List<Side> preludes = new CopyOnWriteArrayList<>();
    private @Nullable LiveRelay relay;

    private Member(Descriptor a, Descriptor b, boolean guarded) {
      this.a = a;
      this.b = b;
      this.guarded = guarded;
    }

    @Override
    public void preludeWritten(Side to) {
      preludes.add(to);
    }

    @Override
    public void finished(RelayOutcome outcome) {
      if (!finished.complete(outcome)) {
        throw new AssertionError("told twice");
      }
    }

    /** The sides whose preludes were told to be written. */
    List<Side> preludes() {
      return preludes;
    }

    boolean isFinished() {
      return finished.isDone();
    }

    LiveRelay relay() {
      return Objects.requireNonNull(relay);
    }

    /** Waits for the outcome, and closes what could not be delivered. */
    RelayOutcome outcome() {
      try {
        RelayOutcome outcome = finished.get(30, TimeUnit.SECONDS);
        close(outcome.aToB().undelivered());
        close(outcome.bToA().undelivered());
        return outcome;
      } catch (ExecutionException | InterruptedException | TimeoutException e) {
        throw new AssertionError("no outcome", e);
      }
    }

    private static void close(@Nullable Descriptor undelivered) {
      if (undelivered != null) {
        undelivered.close();
      }
    }
  }

  /** The first one, alone. */
  Generation() {
    plane =
        vertx.call(
            () -> {
              DescriptorLoop loop = DescriptorLoop.of(vertx.context());
              return new SplicePlane(loop, List.of(loop), OPTIONS, this::strays);
            });
  }

  private Generation(Generation from, Cargo lent) {
    shared = true;
    Cargo cargo = new Cargo();
    for (String name : lent.names()) {
      Descriptor copy = lent.get(name).duplicate();
      own.add(copy);
      cargo.give(name, copy);
    }
    plane =
        vertx.call(
            () -> {
              DescriptorLoop loop = DescriptorLoop.of(vertx.context());
              return SplicePlane.inherit(loop, List.of(loop), OPTIONS, this::strays, cargo);
            });
    if (!cargo.names().isEmpty()) {
      throw new AssertionError("left in the cargo: " + cargo.names());
    }
    from.members.forEach(this::adopt);
  }

  private void strays(long uid, List<Descriptor> attached) {
    strays.addAndGet(attached.size());
    Descriptor.closeAll(attached);
  }

  private void adopt(long id, Member of) {
    if (!of.isFinished()) {
      Member member = new Member(of.a.duplicate(), of.b.duplicate(), of.guarded);
      RelayRecord.Sockets sockets =
          new RelayRecord.Sockets(
              member.a.fd(), member.b.fd(), isTcp(member.a), isTcp(member.b), member.guarded);
      member.relay = vertx.call(() -> plane.adopt(of.relay().slot(), sockets, member));
      members.put(id, member);
    }
  }

  /** Starts a relay between the near ends. */
  Member relay(long id, Wire wire, Order order) {
    Member member = new Member(wire.a().duplicate(), wire.b().duplicate(), order.guarded);
    int flagsA = flags(member.a, order.guarded);
    int flagsB = flags(member.b, order.guarded);
    RelaySpec spec =
        new RelaySpec(
            id,
            0,
            order.guarded,
            member.a.fd(),
            member.b.fd(),
            isTcp(member.a),
            isTcp(member.b),
            flagsA,
            flagsB,
            null,
            0,
            filled(order.preludeToB),
            order.preludeToB.length,
            order.idleTimeoutMs,
            order.halfCloseTimeoutMs,
            order.maxDurationMs,
            order.maxBytes);
    member.relay = vertx.call(() -> plane.attach(spec, member));
    members.put(id, member);
    return member;
  }

  private static @Nullable Pipe filled(byte[] bytes) {
    if (bytes.length == 0) {
      return null;
    }
    Pipe pipe = Pipe.open(bytes.length);
    NativeMemory memory = NativeMemory.allocate(bytes.length);
    memory.putBytes(0, bytes, 0, bytes.length);
    if (Syscalls.write(pipe.writeEnd().fd(), memory.address(), bytes.length) != bytes.length) {
      throw new AssertionError("a prelude that does not fit");
    }
    return pipe;
  }

  /** As the service does: a guarded relay must not rely on the flag. */
  private static int flags(Descriptor socket, boolean guarded) {
    int flags = Syscalls.fcntl(socket.fd(), Syscalls.F_GETFL, 0);
    int cleared = flags & ~Syscalls.O_NONBLOCK;
    Syscalls.fcntl(socket.fd(), Syscalls.F_SETFL, guarded ? cleared : flags | Syscalls.O_NONBLOCK);
    return guarded ? cleared : flags;
  }

  private static boolean isTcp(Descriptor socket) {
    return Sockets.option(socket.fd(), Sockets.SOL_SOCKET, Sockets.SO_PROTOCOL)
        == Sockets.IPPROTO_TCP;
  }

  Member member(long id) {
    return Objects.requireNonNull(members.get(id));
  }

  /** Descriptors that came with relayed bytes. */
  int strays() {
    return strays.get();
  }

  DataPlane.Counters counters() {
    return vertx.call(plane::counters);
  }

  /** Another one may have the same descriptors from here on. */
  void share() {
    Cargo cargo = new Cargo();
    EpollVertx.await(vertx.call(() -> plane.share(cargo)));
    lent = cargo;
    shared = true;
  }

  /** A frozen one that has the same descriptors; {@link #share()} comes before. */
  Generation heir() {
    return new Generation(this, Objects.requireNonNull(lent));
  }

  /** The record of a relay, for the hand that notes what a killed process did not. */
  RelayRecord record(long id) {
    Descriptor ledger = Objects.requireNonNull(lent).get("ledger").duplicate();
    own.add(ledger);
    return Ledger.adopt(ledger).record(member(id).relay().slot());
  }

  void freeze() {
    for (int group = 0; group < DataPlane.GROUPS; group++) {
      int which = group;
      EpollVertx.await(vertx.call(() -> plane.freeze(which)));
    }
  }

  void thaw() {
    for (int group = 0; group < DataPlane.GROUPS; group++) {
      int which = group;
      EpollVertx.await(vertx.call(() -> plane.thaw(which)));
    }
  }

  /** No other one has the descriptors any more. */
  void alone() {
    EpollVertx.await(vertx.call(() -> plane.unshare()));
    shared = false;
  }

  /** All at once: shares, and passes all relays to an heir, which goes on alone. */
  Generation passOn() {
    share();
    Generation heir = heir();
    freeze();
    heir.thaw();
    leave();
    heir.alone();
    return heir;
  }

  /** Ends as a process does: without a touch. */
  void leave() {
    left = true;
    freeze();
    vertx.run(plane::close);
    vertx.close();
    if (lent != null) {
      lent.names().stream().map(lent::get).forEach(Descriptor::close);
    }
    Descriptor.closeAll(own);
    for (Member member : members.values()) {
      member.a.close();
      member.b.close();
    }
  }

  @Override
  public void close() {
    if (left) {
      return;
    }
    if (!shared) {
      members.values().forEach(member -> member.relay().end(EndReason.ABORTED));
      members.values().forEach(Member::outcome);
    }
    leave();
  }
}
