package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.handoff.cargo.Cargo;

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

  /** How many descriptors it lends. */
  static final int DESCRIPTORS = 4;

  /** Makes empty tables. */
  static SharedMemory open(PlaneOptions options) {
    int tunnels = options.perGroup() * TunnelPlane.GROUPS;
    return new SharedMemory(
        new Ledger(options.perGroup()),
        new Connections(Math.min(options.connectionsPerGroup(), Pool.MAX_CONNECTIONS)),
        new HeldPackets(tunnels),
        new Fragments());
  }

  /**
   * Takes over the tables of another process.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static SharedMemory adopt(Cargo cargo) {
    return new SharedMemory(
        Ledger.adopt(cargo.take(LEDGER)),
        Connections.adopt(cargo.take(CONNECTIONS)),
        HeldPackets.adopt(cargo.take(HELD)),
        Fragments.adopt(cargo.take(FRAGMENTS)));
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
