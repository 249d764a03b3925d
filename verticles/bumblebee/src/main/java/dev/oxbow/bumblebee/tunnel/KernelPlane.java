package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.flow.PacketCounts;
import dev.oxbow.service.verticle.ServicePlane;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The data plane whose TCP is the kernel's, in a namespace of its own. */
public final class KernelPlane implements TunnelPlane {
  private static final Logger log = LoggerFactory.getLogger(KernelPlane.class);

  /** Version of the state that a plane lends, and the oldest that one inherits. */
  public static final int LAYOUT = Ledger.VERSION;

  public static final int OLDEST_LAYOUT = Ledger.OLDEST;

  private static final int FIXED_DESCRIPTORS = 3 + SharedMemory.DESCRIPTORS;

  private final DescriptorLoop control;
  private final SharedMemory memory;
  private final Ledger ledger;
  private final Connections connections;
  private final Environment environment;
  private final List<TunnelLoop> loops;
  private final @Nullable Tunnel[] bySlot;
  private final Reception reception;
  private final Population population;

  /** Tunnels that are being opened or closed with the help of another thread. */
  private int underWay;

  private @Nullable Promise<Void> settled;
  private int tunnels;
  private long packetsIn;
  private long packetsOut;
  private long dropped;

  private KernelPlane(
      DescriptorLoop control,
      List<DescriptorLoop> loops,
      PlaneOptions options,
      SharedMemory memory,
      Environment environment) {
    this.control = control;
    this.memory = memory;
    this.ledger = memory.ledger();
    this.connections = memory.connections();
    this.environment = environment;
    this.bySlot = new Tunnel[ledger.records()];
    TunnelLoop.Limits limits =
        new TunnelLoop.Limits(options.connectionsPerTunnel(), options.handshakesPerTunnel());
    this.loops =
        loops.stream().map(loop -> new TunnelLoop(loop, limits, memory, this::closeSoon)).toList();
    this.reception = new Reception(control, environment, ledger, connections, slot -> bySlot[slot]);
    this.population = new Population(control, environment, ledger, this::loopOf, this::left);
  }

  /**
   * Makes a plane with a namespace of its own.
   *
   * @param control where it is called and where connections and ends are told; the caller's thread
   * @param loops where packets are carried; may contain the control loop
   * @return completes on the control loop; fails with {@link LinuxException} EPERM without
   *     CAP_NET_ADMIN and CAP_SYS_ADMIN
   */
  public static Future<KernelPlane> open(
      DescriptorLoop control, List<DescriptorLoop> loops, PlaneOptions options) {
    return make(
        control,
        loops,
        options,
        () -> SharedMemory.open(options),
        memory -> Environment.open(memory.ledger().records()),
        plane -> plane.startUp(false));
  }

  /**
   * A plane that takes over from another process's: all groups are frozen, and the tunnels are
   * still to be adopted.
   *
   * @param cargo what that plane lent; taken out of it
   * @return completes on the control loop; fails with {@link IllegalArgumentException} saying what
   *     is missing or does not fit
   */
  public static Future<KernelPlane> inherit(
      DescriptorLoop control, List<DescriptorLoop> loops, PlaneOptions options, Cargo cargo) {
    return make(
        control,
        loops,
        options,
        () -> SharedMemory.adopt(cargo),
        memory -> Environment.inherit(cargo, memory.ledger().records()),
        plane -> {
          plane.loops.forEach(TunnelLoop::inherit);
          return Future.succeededFuture();
        });
  }

  /** Makes all parts on a thread of its own, and goes on at the control loop; closes on failure. */
  private static Future<KernelPlane> make(
      DescriptorLoop control,
      List<DescriptorLoop> loops,
      PlaneOptions options,
      Supplier<SharedMemory> tables,
      Function<SharedMemory, Environment> surroundings,
      Function<KernelPlane, Future<Void>> start) {
    Promise<KernelPlane> made = Promise.promise();
    Runnable parts =
        () -> {
          SharedMemory memory = null;
          try {
            memory = tables.get();
            Environment environment = surroundings.apply(memory);
            KernelPlane plane = new KernelPlane(control, loops, options, memory, environment);
            control.execute(() -> made.complete(plane));
          } catch (RuntimeException | Error e) {
            if (memory != null) {
              memory.close();
            }
            control.execute(() -> made.fail(e));
          }
        };
    Thread thread = new Thread(parts, "bumblebee-environment");
    thread.setDaemon(true);
    thread.start();
    return made.future()
        .compose(
            plane ->
                start
                    .apply(plane)
                    .map(plane)
                    .recover(e -> plane.close().transform(v -> Future.failedFuture(e))));
  }

  private Future<Void> startUp(boolean goOn) {
    reception.start();
    return population.start(goOn);
  }

  private TunnelLoop loopOf(int group) {
    return loops.get(group % loops.size());
  }

  @Override
  public @Nullable LiveTunnel attach(TunnelSpec spec, Observer observer) {
    TunnelRecord record = ledger.free(ServicePlane.groupOf(spec.id()));
    if (record == null) {
      return null;
    }
    TunnelLoop loop = loopOf(ServicePlane.groupOf(spec.id()));
    record.begin(spec, System.nanoTime());
    Tunnel tunnel;
    try {
      tunnel = new Tunnel(loop, record, spec, observer);
    } catch (RuntimeException e) {
      record.clear();
      throw e;
    }
    enter(tunnel);
    underWay++;
    loop.execute(() -> loop.add(tunnel));
    environment.submit(
        () -> environment.open(record.slot(), spec.mtu()),
        (device, failure) -> loop.execute(() -> opened(tunnel, device, failure)));
    return tunnel;
  }

  private void enter(Tunnel tunnel) {
    bySlot[tunnel.slot()] = tunnel;
    tunnels++;
  }

  private void opened(Tunnel tunnel, @Nullable Tun device, @Nullable Throwable failure) {
    if (device != null) {
      tunnel.loop().start(tunnel, device);
      control.execute(this::settle);
      return;
    }
    log.error("no device for tunnel {}", tunnel.record().id(), failure);
    int errno = failure instanceof LinuxException known ? known.errno() : Errno.EIO;
    tunnel.record().ending(EndReason.ERROR, errno);
    tunnel.loop().farewellWithoutDevice(tunnel);
    control.execute(() -> over(tunnel, true));
  }

  /** On the tunnel's loop. */
  private void closeSoon(Tunnel tunnel, int[] places) {
    control.execute(
        () -> {
          underWay++;
          environment.submit(
              () -> environment.destroy(connections, tunnel, places),
              (all, failure) -> {
                if (failure != null) {
                  log.error("connections of a tunnel were not reset", failure);
                }
                boolean free = all != null && all;
                TunnelLoop loop = tunnel.loop();
                loop.execute(() -> loop.farewell(tunnel, places, () -> park(tunnel, free)));
              });
        });
  }

  /**
   * @param free whether the kernel has no connection of it, so that another may have its place
   */
  private void park(Tunnel tunnel, boolean free) {
    environment.submit(
        () -> environment.park(tunnel.slot()),
        (done, failure) -> {
          if (failure != null) {
            log.error("the device of a tunnel was not switched off", failure);
          }
          control.execute(() -> over(tunnel, free));
        });
  }

  /** Whether a place is taken although its tunnel is over: connections were not reset. */
  private boolean left(int slot) {
    return bySlot[slot] == null && ledger.record(slot).id() != 0;
  }

  private void over(Tunnel tunnel, boolean free) {
    TunnelRecord record = tunnel.record();
    EndReason reason = record.reason();
    long duration = System.nanoTime() - record.startNanos();
    FlowOutcome outcome =
        new FlowOutcome(
            reason == null ? EndReason.ERROR : reason, record.errno(), duration, record.packets());
    packetsIn += outcome.packets().in();
    packetsOut += outcome.packets().out();
    dropped += outcome.packets().droppedInAll();
    bySlot[record.slot()] = null;
    tunnels--;
    if (free) {
      record.clear();
    }
    tunnel.observer().closed(outcome);
    settle();
  }

  private void settle() {
    underWay--;
    if (underWay == 0 && settled != null) {
      settled.complete();
      settled = null;
    }
  }

  Population population() {
    return population;
  }

  @Override
  public LiveTunnel adopt(int slot, int flow, Observer observer) {
    if (slot < 0 || slot >= ledger.records() || ledger.record(slot).id() == 0) {
      throw new IllegalArgumentException("no tunnel in record " + slot);
    }
    TunnelRecord record = ledger.record(slot);
    Tun device = environment.device(slot);
    if (device == null) {
      throw new IllegalArgumentException("no device for the tunnel in record " + slot);
    }
    TunnelSpec spec = record.spec(flow);
    TunnelLoop loop = loopOf(ServicePlane.groupOf(spec.id()));
    Tunnel tunnel = new Tunnel(loop, record, spec, observer);
    tunnel.device(device);
    enter(tunnel);
    loop.execute(() -> loop.add(tunnel));
    return tunnel;
  }

  @Override
  public Future<Void> freeze(int group) {
    return loopOf(group).call(() -> loopOf(group).freeze(group));
  }

  @Override
  public Future<Void> thaw(int group) {
    return loopOf(group).call(() -> loopOf(group).thaw(group));
  }

  @Override
  public int flows(int group) {
    return loopOf(group).flows(group);
  }

  @Override
  public Future<Void> share(Cargo cargo) {
    return onAllLoops(TunnelLoop::share)
        .compose(v -> whenSettled())
        .compose(
            v -> {
              reception.stop();
              return population.stop();
            })
        .compose(
            v -> {
              memory.lend(cargo);
              environment.lend(cargo);
              return Future.succeededFuture();
            });
  }

  private Future<Void> whenSettled() {
    if (underWay == 0) {
      return Future.succeededFuture();
    }
    Promise<Void> promise = Promise.promise();
    settled = promise;
    return promise.future();
  }

  @Override
  public Future<Void> unshare() {
    return onAllLoops(TunnelLoop::unshare).compose(v -> startUp(true));
  }

  /** Runs a step on each loop; goes on here on the control loop, after all that was told before. */
  private Future<Void> onAllLoops(Consumer<TunnelLoop> step) {
    List<Future<Void>> all = new ArrayList<>();
    for (TunnelLoop loop : loops) {
      Promise<Void> done = Promise.promise();
      loop.call(() -> step.accept(loop))
          .onComplete(result -> control.execute(() -> done.handle(result)));
      all.add(done.future());
    }
    return Future.all(all).mapEmpty();
  }

  @Override
  public long descriptorsToShare() {
    return (long) FIXED_DESCRIPTORS + environment.devices();
  }

  @Override
  public Counters counters() {
    long in = packetsIn;
    long out = packetsOut;
    long lost = dropped;
    long live = 0;
    for (Tunnel tunnel : bySlot) {
      if (tunnel != null) {
        PacketCounts packets = tunnel.packets();
        in += packets.in();
        out += packets.out();
        lost += packets.droppedInAll();
        live += tunnel.connections();
      }
    }
    return new Counters(
        tunnels,
        live,
        environment.devices(),
        environment.offloads(),
        reception.accepted(),
        in,
        out,
        lost,
        population.kernelDropped());
  }

  @Override
  public Future<Void> abandon() {
    return onAllLoops(TunnelLoop::abandon).compose(v -> close());
  }

  @Override
  public Future<Void> close() {
    reception.stop();
    Promise<Void> closed = Promise.promise();
    population
        .stop()
        // The memory stays until the loops have done what a census had asked of them.
        .compose(v -> onAllLoops(loop -> {}))
        .onComplete(stopped -> environment.close(() -> control.execute(() -> closed(closed))));
    return closed.future();
  }

  private void closed(Promise<Void> closed) {
    memory.close();
    closed.complete();
  }
}
