package dev.oxbow.fish.replica;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.state.StateTable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/**
 * The partner's connections and their sessions, each in the place that it has in the partner's own
 * tables: in memory that can be handed over, of a size that is fixed. Loop thread only.
 *
 * <pre>
 * a connection
 *  0 round u32 (0: free)   4 next of its session u32   8 the one before u32 (numbers + 1; 0: none)
 * 12 zero                 16 a {@link FlowImage}
 * a session
 *  0 round u32 (0: free)   4 first connection u32 (number + 1)   8 zero
 * 16 a {@link SessionImage}
 * </pre>
 *
 * Links in native order; the images are big-endian, as they came.
 */
public final class FlowReplica implements AutoCloseable {

  /** "fishpflw". */
  private static final long FLOWS_MAGIC = 0x6669_7368_7066_6c77L;

  /** "fishpses". */
  private static final long SESSIONS_MAGIC = 0x6669_7368_7073_6573L;

  private static final int VERSION = 1;
  private static final int LINK_BYTES = 16;
  private static final int FLOW_BYTES = LINK_BYTES + FlowImage.BYTES;
  private static final int SESSION_BYTES = LINK_BYTES + SessionImage.BYTES;
  private static final String FLOWS = "replica.flows";
  private static final String SESSIONS = "replica.sessions";

  private final StateTable flowTable;
  private final StateTable sessionTable;
  private final ByteBuffer flows;
  private final ByteBuffer sessions;
  private final Map<SessionName, Integer> names = new HashMap<>();
  private final FlowImage image = new FlowImage();
  private int size;

  private FlowReplica(StateTable flowTable, StateTable sessionTable) {
    this.flowTable = flowTable;
    this.sessionTable = sessionTable;
    this.flows = flowTable.memory().view().order(ByteOrder.BIG_ENDIAN);
    this.sessions = sessionTable.memory().view().order(ByteOrder.BIG_ENDIAN);
    rebuild();
  }

  /** Goes on from what the memory says: another process may have worked on it. */
  public void rebuild() {
    names.clear();
    for (int slot = 0; slot < sessionCapacity(); slot++) {
      if (isSession(slot)) {
        names.put(name(slot), slot);
      }
    }
    size = 0;
    for (int flow = 0; flow < flowCapacity(); flow++) {
      size += round(flow) != 0 ? 1 : 0;
    }
  }

  /**
   * Makes an empty one.
   *
   * @param flows of the partner's at most
   * @param sessions of the partner's at most
   */
  public static FlowReplica open(int flows, int sessions) {
    StateTable own =
        StateTable.open(
            "oxbow-fish-replica",
            new StateTable.Layout(FLOWS_MAGIC, VERSION, VERSION, FLOW_BYTES, flows));
    try {
      return new FlowReplica(
          own,
          StateTable.open(
              "oxbow-fish-replica-sessions",
              new StateTable.Layout(SESSIONS_MAGIC, VERSION, VERSION, SESSION_BYTES, sessions)));
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  /** Whether another process has handed one over. */
  public static boolean isIn(Cargo cargo) {
    return cargo.has(FLOWS);
  }

  /**
   * Goes on with the one of another process.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  public static FlowReplica adopt(Cargo cargo) {
    StateTable own = StateTable.adopt(cargo.take(FLOWS), FLOWS_MAGIC, VERSION, FLOW_BYTES, 1);
    try {
      return new FlowReplica(
          own, StateTable.adopt(cargo.take(SESSIONS), SESSIONS_MAGIC, VERSION, SESSION_BYTES, 1));
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  /** Puts it into what another process gets. */
  public void lend(Cargo cargo) {
    cargo.lend(FLOWS, flowTable.descriptor()).lend(SESSIONS, sessionTable.descriptor());
  }

  /** Connections that there can be. */
  public int flowCapacity() {
    return flowTable.layout().records();
  }

  /** Sessions that there can be. */
  public int sessionCapacity() {
    return sessionTable.layout().records();
  }

  /** Connections that there are. */
  public int size() {
    return size;
  }

  /** Sessions that there are. */
  public int sessions() {
    return names.size();
  }

  /** The number of a session, or -1. */
  public int find(SessionName name) {
    return names.getOrDefault(name, -1);
  }

  /** The first connection of a session, or -1. */
  public int first(int session) {
    return getInt(sessionTable, session, 4) - 1;
  }

  /** The connection after one of the same session, or -1. */
  public int next(int flow) {
    return getInt(flowTable, flow, 4) - 1;
  }

  /** Looks at a connection that there is; valid until it changes. */
  public FlowImage read(int flow) {
    return image.over(flows, flowTable.offset(flow) + LINK_BYTES);
  }

  /** The round in which a connection was told; 0 when there is none. */
  int round(int flow) {
    return getInt(flowTable, flow, 0);
  }

  /** The round in which a session was told; 0 when there is none. */
  int sessionRound(int slot) {
    return getInt(sessionTable, slot, 0);
  }

  /** Whether there is a session of that number. */
  boolean isSession(int slot) {
    return sessionRound(slot) != 0;
  }

  /** The name of a session that there is. */
  SessionName name(int slot) {
    return SessionImage.name(sessions, sessionTable.offset(slot) + LINK_BYTES);
  }

  /** Takes a session in; one of the same number is over, unless it has the same name. */
  void putSession(ByteBuffer from, int at, int round) {
    int slot = SessionImage.slot(from, at);
    SessionName name = SessionImage.name(from, at);
    if (!isSession(slot) || !name.equals(name(slot))) {
      removeSession(slot);
      sessions.put(sessionTable.offset(slot) + LINK_BYTES, from, at, SessionImage.BYTES);
      putInt(sessionTable, slot, 4, 0);
      names.put(name, slot);
    }
    putInt(sessionTable, slot, 0, round);
  }

  /** Forgets a session and its connections, if there is one. */
  public void removeSession(int slot) {
    if (!isSession(slot)) {
      return;
    }
    for (int flow = first(slot); flow >= 0; flow = first(slot)) {
      remove(flow);
    }
    names.remove(name(slot), slot);
    putInt(sessionTable, slot, 0, 0);
  }

  /** Forgets sessions that were told before a round only, and their connections. */
  void removeOlder(int round) {
    for (int slot = 0; slot < sessionCapacity(); slot++) {
      if (isSession(slot) && sessionRound(slot) != round) {
        removeSession(slot);
      }
    }
  }

  /** Takes a connection in, whose number is free, and whose session is there. */
  void put(FlowImage from, int round) {
    int flow = from.flow();
    int session = from.session();
    from.copyTo(flows, flowTable.offset(flow) + LINK_BYTES);
    int after = first(session);
    putInt(flowTable, flow, 4, after + 1);
    putInt(flowTable, flow, 8, 0);
    if (after >= 0) {
      putInt(flowTable, after, 8, flow + 1);
    }
    putInt(sessionTable, session, 4, flow + 1);
    putInt(flowTable, flow, 0, round);
    size++;
  }

  /** Forgets a connection that there is. */
  void remove(int flow) {
    int after = next(flow);
    int before = getInt(flowTable, flow, 8) - 1;
    if (after >= 0) {
      putInt(flowTable, after, 8, before + 1);
    }
    if (before >= 0) {
      putInt(flowTable, before, 4, after + 1);
    } else {
      putInt(sessionTable, read(flow).session(), 4, after + 1);
    }
    putInt(flowTable, flow, 0, 0);
    size--;
  }

  private static int getInt(StateTable table, int record, int at) {
    return table.memory().getInt(table.offset(record) + at);
  }

  private static void putInt(StateTable table, int record, int at, int value) {
    table.memory().putInt(table.offset(record) + at, value);
  }

  @Override
  public void close() {
    flowTable.close();
    sessionTable.close();
  }
}
