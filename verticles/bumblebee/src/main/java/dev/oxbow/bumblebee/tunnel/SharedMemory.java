package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.Fragments;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * All that a plane knows, in memfds: another process that maps them knows the same. Who may write
 * what is said in each.
 *
 * @param ledger of tunnels
 * @param connections of all tunnels
 * @param held packets that flows had no room for
 * @param fragments that wait for others
 */
record SharedMemory(Ledger ledger, Connections connections, HeldPackets held, Fragments fragments)
    implements AutoCloseable {
  private static final String LEDGER = "ledger";
  private static final String CONNECTIONS = "connections";
  private static final String HELD = "held";
  private static final String FRAGMENTS = "fragments";

  /** For each group; an owner is a tunnel. */
  private static final Fragments.Room FRAGMENT_ROOM = new Fragments.Room(8, 4);

  /** How many descriptors it lends. */
  static final int DESCRIPTORS = 4;

  /**
   * Makes empty tables.
   *
   * @throws ArithmeticException when the connections are too many for one mapping
   */
  static SharedMemory open(PlaneOptions options) {
    return make(
        () -> new Ledger(options.perGroup()),
        () -> new Connections(options.connectionsPerGroup()),
        ledger -> new HeldPackets(ledger.records()),
        () -> Fragments.open("oxbow-bumblebee-fragments", TunnelPlane.GROUPS, FRAGMENT_ROOM));
  }

  /**
   * Takes over the tables of another process.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static SharedMemory adopt(Cargo cargo) {
    return make(
        () -> Ledger.adopt(cargo.take(LEDGER)),
        () -> Connections.adopt(cargo.take(CONNECTIONS)),
        ledger -> HeldPackets.adopt(cargo.take(HELD), ledger.records()),
        () -> Fragments.adopt(cargo.take(FRAGMENTS), TunnelPlane.GROUPS, FRAGMENT_ROOM));
  }

  /** One table after the other; those before one that fails are closed. */
  private static SharedMemory make(
      Supplier<Ledger> first,
      Supplier<Connections> second,
      Function<Ledger, HeldPackets> third,
      Supplier<Fragments> fourth) {
    List<Runnable> undo = new ArrayList<>();
    try {
      Ledger ledger = first.get();
      undo.add(ledger::close);
      Connections connections = second.get();
      undo.add(connections::close);
      HeldPackets held = third.apply(ledger);
      undo.add(held::close);
      return new SharedMemory(ledger, connections, held, fourth.get());
    } catch (RuntimeException e) {
      undo.forEach(Runnable::run);
      throw e;
    }
  }

  /** Puts them into what another process gets. */
  void lend(Cargo cargo) {
    cargo
        .lend(LEDGER, ledger.descriptor())
        .lend(CONNECTIONS, connections.descriptor())
        .lend(HELD, held.descriptor())
        .lend(FRAGMENTS, fragments.descriptor());
  }

  @Override
  public void close() {
    ledger.close();
    connections.close();
    held.close();
    fragments.close();
  }
}
