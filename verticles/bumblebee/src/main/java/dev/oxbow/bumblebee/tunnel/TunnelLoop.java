package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.fragments.Reassembler;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.service.flow.Bench;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.Fragments;
import dev.oxbow.service.flow.Outbox;
import dev.oxbow.service.work.Turns;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the tunnels of one event loop share: its epoll set, memory for packets, and the tables of
 * its groups. Loop thread only, but for {@link #execute}, {@link #run} and {@link #call}.
 */
final class TunnelLoop {
  private static final Logger log = LoggerFactory.getLogger(TunnelLoop.class);

  /** A census says nothing of connections that began shortly before it. */
  private static final long YOUNG_NANOS = 1_000_000_000;

  /** For a reset for each connection, and what was before it in the device. */
  private static final int FAREWELL_TURNS = 4096;

  private final DescriptorLoop loop;
  private final Limits limits;
  private final Closer closer;
  private final Connections table;
  private final ConnectionIndex[] indices = new ConnectionIndex[TunnelPlane.GROUPS];
  private final List<List<Tunnel>> live = new ArrayList<>();
  private final boolean[] frozen = new boolean[TunnelPlane.GROUPS];
  private final @Nullable Reassembler[] reassemblers = new Reassembler[TunnelPlane.GROUPS];
  private final Fragments fragments;
  private final FromFlow fromFlow;
  private final ToFlow toFlow;
  private boolean shared;

  /**
   * What one tunnel may have at once.
   *
   * @param connections in the table, closing ones included
   * @param handshakes of them, not yet complete
   */
  record Limits(int connections, int handshakes) {}

  /** Who ends a tunnel, in the steps that take other threads. */
  @FunctionalInterface
  interface Closer {

    /**
     * Resets its connections and tells that it is over. Called once, on the loop's thread, when
     * nothing is registered any more.
     *
     * @param connections places of those that it has
     */
    void close(Tunnel tunnel, int[] connections);
  }

  TunnelLoop(DescriptorLoop loop, Limits limits, SharedMemory memory, Closer closer) {
    this.loop = loop;
    this.limits = limits;
    this.table = memory.connections();
    this.fragments = memory.fragments();
    this.closer = closer;
    Bench bench = new Bench();
    Outbox outbox = new Outbox();
    Translation translation = new Translation(table, bench);
    this.fromFlow = new FromFlow(bench, outbox, translation, fragments);
    this.toFlow = new ToFlow(bench, outbox, translation, memory.held());
    for (int group = 0; group < TunnelPlane.GROUPS; group++) {
      indices[group] = new ConnectionIndex(table, group);
      live.add(new ArrayList<>());
    }
  }

  /** A tunnel that begins; its device comes later. */
  void add(Tunnel tunnel) {
    List<Tunnel> group = live.get(tunnel.group());
    tunnel.place = group.size();
    group.add(tunnel);
  }

  /** The device of a tunnel is there. */
  void start(Tunnel tunnel, Tun device) {
    tunnel.device(device);
    if (!frozen[tunnel.group()]) {
      tunnel.thaw();
    }
  }

  /** Forgets a tunnel that is over. */
  private void remove(Tunnel tunnel) {
    List<Tunnel> group = live.get(tunnel.group());
    Tunnel last = group.remove(group.size() - 1);
    if (last != tunnel) {
      last.place = tunnel.place;
      group.set(tunnel.place, last);
    }
  }

  void freeze(int group) {
    frozen[group] = true;
    live.get(group).forEach(Tunnel::freeze);
  }

  /** Goes on from what the table says: another process may have worked on it. */
  void thaw(int group) {
    frozen[group] = false;
    reassemblers[group] = null;
    ConnectionIndex index = indices[group];
    index.rebuild();
    List<Tunnel> tunnels = live.get(group);
    tunnels.forEach(Tunnel::forgetConnections);
    for (int place = 0; place < index.used(); place++) {
      int at = table.at(group, place);
      Tunnel tunnel = table.id(at) == 0 ? null : bySlot(tunnels, table.slot(at));
      if (tunnel != null) {
        tunnel.connectionFound(table.flags(at));
      }
    }
    List.copyOf(tunnels).forEach(Tunnel::thaw);
  }

  private static @Nullable Tunnel bySlot(List<Tunnel> tunnels, int slot) {
    for (Tunnel tunnel : tunnels) {
      if (tunnel.slot() == slot) {
        return tunnel;
      }
    }
    return null;
  }

  int flows(int group) {
    return live.get(group).size();
  }

  /** From here on another process may have to go on at any moment: no tunnel is taken apart. */
  void share() {
    shared = true;
  }

  /** This process alone goes on; what had to end does so now. */
  void unshare() {
    shared = false;
    for (List<Tunnel> group : live) {
      for (Tunnel tunnel : List.copyOf(group)) {
        if (tunnel.record().reason() != null) {
          close(tunnel);
        }
      }
    }
  }

  /** Makes this loop one that takes over: all of its groups are frozen, and shared. */
  void inherit() {
    shared = true;
    Arrays.fill(frozen, true);
  }

  /** Forgets its tunnels, all of them frozen, as if this process had ended. */
  void abandon() {
    live.forEach(List::clear);
  }

  /** Ends a tunnel whose record says so, now or when this process may. */
  void close(Tunnel tunnel) {
    if (shared || frozen[tunnel.group()] || !tunnel.hasDevice() || !tunnel.mayClose()) {
      return;
    }
    int group = tunnel.group();
    int[] places = new int[tunnel.connections()];
    int count = 0;
    for (int place = 0; place < indices[group].used() && count < places.length; place++) {
      int at = table.at(group, place);
      if (table.id(at) != 0 && table.slot(at) == tunnel.slot()) {
        places[count++] = place;
      }
    }
    tunnel.closing();
    closer.close(tunnel, Arrays.copyOf(places, count));
  }

  /**
   * The kernel's sockets of a tunnel are gone: gives the flow what they said last, as far as it
   * takes that, in turns like those of other tunnels.
   *
   * @param then called on the loop when the tunnel is forgotten
   */
  void farewell(Tunnel tunnel, int[] places, Runnable then) {
    farewell(tunnel, places, FAREWELL_TURNS, then);
  }

  private void farewell(Tunnel tunnel, int[] places, int turns, Runnable then) {
    boolean speaks = tunnel.record().reason() == EndReason.ABORTED && turns > 0;
    if (speaks && toFlow.turn(tunnel)) {
      loop.execute(() -> farewell(tunnel, places, turns - 1, then));
      return;
    }
    for (int place : places) {
      remove(tunnel, place);
    }
    Reassembler reassembler = reassemblers[tunnel.group()];
    if (reassembler != null) {
      reassembler.forget(tunnel.record().id());
    }
    remove(tunnel);
    then.run();
  }

  /** A tunnel ends that never had a device. */
  void farewellWithoutDevice(Tunnel tunnel) {
    tunnel.closing();
    remove(tunnel);
  }

  private void remove(Tunnel tunnel, int place) {
    tunnel.connectionGone(table.flags(table.at(tunnel.group(), place)));
    indices[tunnel.group()].remove(place);
  }

  /** A socket of the kernel is gone; a TIME_WAIT may be left of it. */
  void gone(int group, int slot, int place) {
    if (place >= indices[group].used()) {
      return;
    }
    int at = table.at(group, place);
    Tunnel tunnel = bySlot(live.get(group), slot);
    boolean ours = tunnel != null && tunnel.mayClose() && table.slot(at) == slot;
    if (shared || frozen[group] || tunnel == null || !ours || table.id(at) == 0) {
      return;
    }
    int flags = table.flags(at);
    if ((flags & (Connections.RESET | Connections.PASSIVE)) != 0) {
      remove(tunnel, place);
    } else {
      table.flags(at, flags | Connections.GONE);
    }
  }

  /**
   * Frees what the kernel has forgotten in every state.
   *
   * @param known places of connections that the kernel has
   * @param since when it was asked
   */
  void sweep(int group, BitSet known, long since) {
    if (shared || frozen[group]) {
      return;
    }
    Reassembler reassembler = reassemblers[group];
    if (reassembler != null) {
      reassembler.expire();
    }
    List<Tunnel> tunnels = live.get(group);
    for (int place = 0; place < indices[group].used(); place++) {
      int at = table.at(group, place);
      boolean old = table.id(at) != 0 && since - table.bornNanos(at) > YOUNG_NANOS;
      Tunnel tunnel = old && !known.get(place) ? bySlot(tunnels, table.slot(at)) : null;
      if (tunnel != null && tunnel.mayClose()) {
        remove(tunnel, place);
      }
    }
  }

  ConnectionIndex index(int group) {
    return indices[group];
  }

  /** What waits for other fragments, of the tunnels of a group. */
  Reassembler reassembler(int group) {
    Reassembler reassembler = reassemblers[group];
    if (reassembler == null) {
      reassembler = fragments.of(group, (id, count, why) -> lost(group, id, count));
      reassemblers[group] = reassembler;
    }
    return reassembler;
  }

  private void lost(int group, long id, int count) {
    for (Tunnel tunnel : live.get(group)) {
      if (tunnel.record().id() == id) {
        tunnel.drop(DropReason.FRAGMENT, count);
      }
    }
  }

  Limits limits() {
    return limits;
  }

  FromFlow fromFlow() {
    return fromFlow;
  }

  ToFlow toFlow() {
    return toFlow;
  }

  void execute(Runnable task) {
    loop.execute(task);
  }

  /** Runs a task after what is ready then, so that one busy tunnel leaves others their turn. */
  void queue(Runnable task) {
    loop.schedule(task, 0);
  }

  void run(Runnable task) {
    loop.run(task);
  }

  /** Runs a step on the loop, soon; completes there. Any thread. */
  Future<Void> call(Runnable step) {
    return Turns.call(loop, step);
  }

  Registration register(int fd, int events, Readiness readiness) {
    return loop.register(fd, events, readiness);
  }

  /** CLOCK_MONOTONIC, in nanoseconds. */
  static long now() {
    return System.nanoTime();
  }

  void report(String what, RuntimeException e) {
    log.error(what, e);
  }
}
