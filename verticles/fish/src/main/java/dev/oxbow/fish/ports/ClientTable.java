package dev.oxbow.fish.ports;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.StateTable;
import java.util.Arrays;

/**
 * Which inner address of the pool stands for which client address of which session: the number of a
 * record is that of its address. Numbers are given out in turn, so that an address that was freed
 * rests as long as there are others. One thread at a time.
 *
 * <pre>
 *  0 session u64 (0: free, -1: over)   8 client high u64   16 client low u64
 * 24 session that is over u64          32 uid u32           36..63 zero
 * </pre>
 */
public final class ClientTable implements AutoCloseable {

  /** Session of clients whose session is over, until their last port has rested. */
  public static final long NOBODY = -1;

  /** "fishclnt". */
  static final long MAGIC = 0x6669_7368_636c_6e74L;

  static final int VERSION = 1;
  static final int RECORD_BYTES = 64;

  private final StateTable table;
  private final NativeMemory memory;
  private final int capacity;
  private final HashIndex index;

  /** Flows of each client: counted anew from the table of flows, so that it is never wrong. */
  private final int[] flows;

  private int next = 1;

  /**
   * @param table owned from here on
   */
  public ClientTable(StateTable table) {
    this.table = table;
    this.memory = table.memory();
    this.capacity = table.layout().records();
    this.index = new HashIndex(capacity, this::hash);
    this.flows = new int[capacity];
    rebuild();
  }

  /**
   * Goes on from what the memory says: another process may have worked on it. Flows are to be
   * counted after that.
   */
  void rebuild() {
    index.clear();
    Arrays.fill(flows, 0);
    for (int client = 1; client < capacity; client++) {
      if (session(client) != 0) {
        index.add(client);
      }
    }
  }

  /** The layout of a table with so many clients. */
  public static StateTable.Layout layout(int clients) {
    return new StateTable.Layout(MAGIC, VERSION, VERSION, RECORD_BYTES, clients);
  }

  /** The client of a session with an address, or -1. */
  public int find(long session, long high, long low) {
    for (int c = index.first(HashIndex.mix(session, high, low)); c >= 0; c = index.next()) {
      if (session(c) == session && high(c) == high && low(c) == low) {
        return c;
      }
    }
    return -1;
  }

  /**
   * Gives a client a number; -1 when all are taken. Number 0 is never given.
   *
   * @param uid who opened the session
   */
  public int add(long session, long uid, long high, long low) {
    boolean room = index.size() < capacity - 1;
    for (int tried = 1; room && tried < capacity; tried++) {
      int client = next;
      next = next + 1 == capacity ? 1 : next + 1;
      if (session(client) == 0) {
        memory.putLong(at(client) + 8, high);
        memory.putLong(at(client) + 16, low);
        memory.putLong(at(client) + 24, 0);
        memory.putInt(at(client) + 32, (int) uid);
        memory.putLong(at(client), session);
        index.add(client);
        return client;
      }
    }
    return -1;
  }

  /** Takes a client's number back. */
  public void remove(int client) {
    index.remove(client);
    memory.putLong(at(client), 0);
  }

  /** Whose client it is; 0 for none, {@link #NOBODY} when that session is over. */
  public long session(int client) {
    return client < 0 || client >= capacity ? 0 : memory.getLong(at(client));
  }

  /** Makes it another session's, which takes it up. */
  public void adopt(int client, long session) {
    index.remove(client);
    memory.putLong(at(client), session);
    index.add(client);
  }

  /** Its session is over; its ports rest. */
  public void leave(int client) {
    memory.putLong(at(client) + 24, session(client));
    adopt(client, NOBODY);
  }

  /** The session that its ports are of, also when that is over. */
  public long origin(int client) {
    long session = session(client);
    return session == NOBODY ? memory.getLong(at(client) + 24) : session;
  }

  /** Who opened that session. */
  public long uid(int client) {
    return memory.getInt(at(client) + 32) & 0xffff_ffffL;
  }

  /** Its address in the flow's packets. */
  public long high(int client) {
    return memory.getLong(at(client) + 8);
  }

  /** Its address in the flow's packets. */
  public long low(int client) {
    return memory.getLong(at(client) + 16);
  }

  /** Flows that it has, resting ones included. */
  public int flows(int client) {
    return flows[client];
  }

  void countFlow(int client, int change) {
    flows[client] += change;
  }

  /** Clients that have a number. */
  public int size() {
    return index.size();
  }

  /** How many there can be, and one more. */
  public int capacity() {
    return capacity;
  }

  private int hash(int client) {
    return HashIndex.mix(session(client), high(client), low(client));
  }

  private int at(int client) {
    return table.offset(client);
  }

  /** The memory, owned by this table. */
  public Descriptor descriptor() {
    return table.descriptor();
  }

  @Override
  public void close() {
    table.close();
  }
}
