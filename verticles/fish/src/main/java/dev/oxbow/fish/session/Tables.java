package dev.oxbow.fish.session;

import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.replica.FlowReplica;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.service.flow.Fragments;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that a plane knows, in memory that another process can map: in files, which outlive a crash,
 * but for packets, which do not matter then.
 */
public final class Tables implements AutoCloseable {

  /** Version of the state that a plane lends; in version 1 the rings of packets do not wrap. */
  public static final int LAYOUT = 2;

  /** The oldest that one inherits. */
  public static final int OLDEST_LAYOUT = 1;

  /** How many descriptors it lends. */
  public static final int DESCRIPTORS = 5;

  private static final Logger log = LoggerFactory.getLogger(Tables.class);
  private static final String SESSIONS = "sessions";
  private static final String CLIENTS = "clients";
  private static final String FLOWS = "flows";
  private static final String FRAGMENTS = "fragments";
  private static final String HELD = "held";
  private static final String RESTING = "resting";

  /** Room for fragments from flows, and for those to flows; an owner is a session. */
  private static final int FROM_FLOWS = 0;

  private static final int TO_FLOWS = 1;
  private static final int ROOMS = 2;
  private static final Fragments.Room ROOM = new Fragments.Room(64, 16);

  private final SessionLedger sessions;
  private final ClientTable clients;
  private final FlowTable flows;
  private final Fragments fragments;
  private final HeldPackets held;
  private boolean isNew;
  private @Nullable FlowReplica replica;
  private boolean settled;

  /**
   * How much room there is.
   *
   * @param sessions at most, lost ones included
   * @param clients at most
   * @param flows at most, resting ones included
   */
  public record Sizes(int sessions, int clients, int flows) {}

  private Tables(List<StateTable> tables, Fragments fragments, HeldPackets held) {
    this.sessions = new SessionLedger(tables.get(0));
    this.clients = new ClientTable(tables.get(1));
    this.flows = new FlowTable(tables.get(2), clients);
    this.fragments = fragments;
    this.held = held;
  }

  /**
   * Makes tables in files, in place of those that are there: empty but for ports that have not
   * rested yet since a process ended in order. Blocks.
   *
   * @param files beginning of their names
   */
  public static Tables open(Path files, Sizes sizes) {
    List<StateTable> made = new ArrayList<>();
    try {
      made.add(StateTable.open(file(files, SESSIONS), SessionLedger.layout(sizes.sessions)));
      made.add(StateTable.open(file(files, CLIENTS), ClientTable.layout(sizes.clients + 1)));
      made.add(StateTable.open(file(files, FLOWS), FlowTable.layout(sizes.flows)));
      Tables tables = withPackets(made);
      tables.isNew = true;
      RestingPorts.load(file(files, RESTING), tables.flows, System.nanoTime());
      return tables;
    } catch (RuntimeException e) {
      made.forEach(StateTable::close);
      throw e;
    }
  }

  /**
   * Goes on with what a process that is gone has left in files, whatever their sizes. Blocks.
   *
   * @return null when there is nothing that this process understands
   */
  public static @Nullable Tables find(Path files) {
    List<StateTable> found = new ArrayList<>();
    try {
      List<StateTable.Layout> layouts =
          List.of(SessionLedger.layout(1), ClientTable.layout(1), FlowTable.layout(1));
      for (int i = 0; i < layouts.size(); i++) {
        String name = List.of(SESSIONS, CLIENTS, FLOWS).get(i);
        StateTable table = StateTable.find(file(files, name), layouts.get(i));
        if (table == null) {
          found.forEach(StateTable::close);
          return null;
        }
        found.add(table);
      }
      return withPackets(found);
    } catch (RuntimeException e) {
      found.forEach(StateTable::close);
      throw e;
    }
  }

  /**
   * Takes over the tables of another process.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  public static Tables adopt(Cargo cargo) {
    List<StateTable> taken = new ArrayList<>();
    try {
      taken.add(adopt(cargo, SESSIONS, SessionLedger.layout(1)));
      taken.add(adopt(cargo, CLIENTS, ClientTable.layout(1)));
      taken.add(adopt(cargo, FLOWS, FlowTable.layout(1)));
      Fragments fragments = Fragments.adopt(cargo.take(FRAGMENTS), ROOMS, ROOM);
      try {
        Tables tables = new Tables(taken, fragments, HeldPackets.adopt(cargo.take(HELD)));
        tables.adoptReplica(cargo);
        return tables;
      } catch (RuntimeException e) {
        fragments.close();
        throw e;
      }
    } catch (RuntimeException e) {
      taken.forEach(StateTable::close);
      throw e;
    }
  }

  private void adoptReplica(Cargo cargo) {
    try {
      replica = FlowReplica.isIn(cargo) ? FlowReplica.adopt(cargo) : null;
      settled = replica != null;
    } catch (RuntimeException e) {
      held.close();
      throw e;
    }
  }

  /**
   * The connections of a partner: those that another process has handed over, or none yet.
   *
   * @return owned by these tables
   */
  FlowReplica replica() {
    FlowReplica own = replica;
    if (own == null) {
      own = FlowReplica.open(flows.capacity(), sessions.records().size());
      replica = own;
    }
    return own;
  }

  /** Whether it is known what the partner has taken over: only then are its connections lent. */
  void settle(boolean known) {
    settled = known;
  }

  /** Whether another process has handed over connections of a partner. */
  boolean hasReplica() {
    return replica != null;
  }

  private static StateTable adopt(Cargo cargo, String name, StateTable.Layout layout) {
    return StateTable.adopt(
        cargo.take(name), layout.magic(), layout.version(), layout.recordBytes(), 1);
  }

  private static Tables withPackets(List<StateTable> tables) {
    Fragments fragments = Fragments.open("oxbow-fish-fragments", ROOMS, ROOM);
    try {
      return new Tables(tables, fragments, HeldPackets.open());
    } catch (RuntimeException e) {
      fragments.close();
      throw e;
    }
  }

  private static Path file(Path files, String name) {
    return files.resolveSibling(files.getFileName() + "." + name);
  }

  /**
   * Notes in a file which ports rest, for the next {@link #open}: an orderly end. The plane stands
   * still. Blocks.
   *
   * @throws IllegalStateException saying why there can be no such file
   */
  public void saveResting(Path files) {
    RestingPorts.save(file(files, RESTING), flows, System.nanoTime());
  }

  /** Forgets what was noted, once tables in files have it. Blocks. */
  public static void forgetResting(Path files) {
    RestingPorts.delete(file(files, RESTING));
  }

  /** Removes the files of tables, which stay until they are closed. Blocks. */
  public static void delete(Path files) {
    for (String name : List.of(SESSIONS, CLIENTS, FLOWS)) {
      try {
        Files.deleteIfExists(file(files, name));
      } catch (IOException e) {
        log.warn("a table of an ended Fish is left behind", e);
      }
    }
  }

  /** Puts them into what another process gets. */
  void lend(Cargo cargo) {
    cargo
        .lend(SESSIONS, sessions.descriptor())
        .lend(CLIENTS, clients.descriptor())
        .lend(FLOWS, flows.descriptor())
        .lend(FRAGMENTS, fragments.descriptor())
        .lend(HELD, held.descriptor());
    if (replica != null && settled) {
      replica.lend(cargo);
    }
  }

  /** Whether no process has worked on them before. */
  public boolean isNew() {
    return isNew;
  }

  SessionLedger sessions() {
    return sessions;
  }

  /** Clients that there is room for. */
  public int clientCapacity() {
    return clients.capacity() - 1;
  }

  ClientTable clients() {
    return clients;
  }

  FlowTable flows() {
    return flows;
  }

  HeldPackets held() {
    return held;
  }

  Gathering fromFlows(Gathering.Loss loss) {
    return new Gathering(fragments, FROM_FLOWS, loss);
  }

  Gathering toFlows(Gathering.Loss loss) {
    return new Gathering(fragments, TO_FLOWS, loss);
  }

  @Override
  public void close() {
    sessions.close();
    clients.close();
    flows.close();
    fragments.close();
    held.close();
    if (replica != null) {
      replica.close();
    }
  }
}
