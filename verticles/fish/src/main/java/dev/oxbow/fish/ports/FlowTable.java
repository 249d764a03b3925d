package dev.oxbow.fish.ports;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.StateTable;
import org.jspecify.annotations.Nullable;

/**
 * The connections, each with the outer port that it has: one fixed record per connection in mapped
 * memory, found from inside (client, protocol, ports, destination) and from outside (outer address
 * and port, protocol, destination). A record whose connection is over rests until its port may be
 * given out again. One thread at a time.
 *
 * <pre>
 *  0 state u8   1 protocol u8   2 client port u16   4 remote port u16   6 outer port u16
 *  8 client u32  12 flags u32  16 remote high u64  24 remote low u64
 * 32 outer high u64  40 outer low u64  48 last packet ns u64 (CLOCK_MONOTONIC)  56 since ms u64
 * 64 unused u32         68 window scales u16  70 moves u8   71 told u8   72..95 zero
 * </pre>
 */
public final class FlowTable implements AutoCloseable {

  /** "fishflow". */
  static final long MAGIC = 0x6669_7368_666c_6f77L;

  static final int VERSION = 1;
  static final int RECORD_BYTES = 96;

  /** No connection. */
  public static final int FREE = 0;

  /** A port was picked, and the kernel has not said yes. */
  public static final int PROPOSED = 1;

  /** The kernel has the entry. */
  public static final int LIVE = 2;

  /** Over; the port rests. */
  public static final int RESTING = 3;

  /** The client has sent a FIN. */
  public static final int CLIENT_FIN = 1;

  /** The server has sent a FIN. */
  public static final int SERVER_FIN = 1 << 1;

  /** A RST was seen. */
  public static final int RESET = 1 << 2;

  /** A packet came back. */
  public static final int ANSWERED = 1 << 3;

  /** The kernel's entry is known to be gone, so that it is to be made again first. */
  public static final int UNMAPPED = 1 << 4;

  /** The outer port is its client's port's alone. */
  public static final int ALONE = 1 << 5;

  /** Resting here: the partner has taken the connection over, and its port with it. */
  public static final int AWAY = 1 << 6;

  private static final int MAX_SCALE = 14;

  private final StateTable table;
  private final NativeMemory memory;
  private final int capacity;
  private final ClientTable clients;
  private final HashIndex inside;
  private final HashIndex outside;
  private int next;
  private @Nullable FlowChanges changes;

  /**
   * @param table owned from here on
   * @param clients whose numbers the records have
   */
  public FlowTable(StateTable table, ClientTable clients) {
    this.table = table;
    this.memory = table.memory();
    this.clients = clients;
    this.capacity = table.layout().records();
    this.inside = new HashIndex(capacity, this::insideHash);
    this.outside = new HashIndex(capacity, this::outsideHash);
    rebuild();
  }

  /**
   * Goes on from what the memory says, that of clients included: another process may have worked on
   * it. Writes nothing there.
   */
  public void rebuild() {
    clients.rebuild();
    inside.clear();
    outside.clear();
    for (int flow = 0; flow < capacity; flow++) {
      if (state(flow) != FREE) {
        inside.add(flow);
        outside.add(flow);
        clients.countFlow(client(flow), 1);
      }
    }
  }

  /** Notes changes of connections from here on, all of what is told of them but for their times. */
  public void watch(FlowChanges noting) {
    changes = noting;
  }

  /** What is told of a connection has changed. */
  public void changed(int flow) {
    FlowChanges noting = changes;
    if (noting != null) {
      noting.mark(flow);
    }
  }

  /** The layout of a table with so many flows. */
  public static StateTable.Layout layout(int flows) {
    return new StateTable.Layout(MAGIC, VERSION, VERSION, RECORD_BYTES, flows);
  }

  /** The flow of a client, resting ones included, or -1. */
  public int find(int client, int protocol, int port, long high, long low, int remotePort) {
    int hash = insideHash(client, protocol, port, high, low, remotePort);
    for (int f = inside.first(hash); f >= 0; f = inside.next()) {
      if (client(f) == client
          && remoteLow(f) == low
          && remoteHigh(f) == high
          && protocol(f) == protocol
          && clientPort(f) == port
          && remotePort(f) == remotePort) {
        return f;
      }
    }
    return -1;
  }

  /** Who has an outer port toward a destination, resting ones included, or -1. */
  public int owner(
      long outerHigh, long outerLow, int protocol, int port, long high, long low, int remotePort) {
    int hash = outsideHash(outerLow, protocol, port, high, low, remotePort);
    for (int f = outside.first(hash); f >= 0; f = outside.next()) {
      if (outerPort(f) == port
          && remoteLow(f) == low
          && remoteHigh(f) == high
          && remotePort(f) == remotePort
          && protocol(f) == protocol
          && outerLow(f) == outerLow
          && outerHigh(f) == outerHigh) {
        return f;
      }
    }
    return -1;
  }

  /**
   * Notes that a port was picked.
   *
   * @return the flow, {@link #PROPOSED}; -1 when the table is full
   */
  public int add(
      int client,
      int protocol,
      int port,
      long high,
      long low,
      int remotePort,
      long outerHigh,
      long outerLow,
      int outerPort) {
    // Where all are taken, nothing is looked at: that is when packets come thickest.
    boolean room = inside.size() < capacity;
    for (int tried = 0; room && tried < capacity; tried++) {
      int flow = next;
      next = next + 1 == capacity ? 0 : next + 1;
      if (state(flow) == FREE) {
        int at = at(flow);
        memory.putByte(at + 1, protocol);
        putShort(at + 2, port);
        putShort(at + 4, remotePort);
        putShort(at + 6, outerPort);
        memory.putInt(at + 8, client);
        memory.putInt(at + 12, 0);
        memory.putLong(at + 16, high);
        memory.putLong(at + 24, low);
        memory.putLong(at + 32, outerHigh);
        memory.putLong(at + 40, outerLow);
        memory.putInt(at + 64, 0);
        putShort(at + 68, 0xffff);
        putShort(at + 70, 0);
        memory.putByte(at, PROPOSED);
        inside.add(flow);
        outside.add(flow);
        clients.countFlow(client, 1);
        return flow;
      }
    }
    return -1;
  }

  /** Gives a proposed flow another port, since somebody else has that one. */
  public void repropose(int flow, int outerPort) {
    outside.remove(flow);
    putShort(at(flow) + 6, outerPort);
    outside.add(flow);
  }

  /** Forgets a flow; its port is free. */
  public void remove(int flow) {
    inside.remove(flow);
    outside.remove(flow);
    clients.countFlow(client(flow), -1);
    setState(flow, FREE);
  }

  /** FREE, PROPOSED, LIVE, RESTING. */
  public int state(int flow) {
    return memory.getByte(at(flow));
  }

  public void setState(int flow, int state) {
    memory.putByte(at(flow), state);
    changed(flow);
  }

  public int protocol(int flow) {
    return memory.getByte(at(flow) + 1) & 0xff;
  }

  /** For ICMP the echo's id. */
  public int clientPort(int flow) {
    return getShort(at(flow) + 2);
  }

  public int remotePort(int flow) {
    return getShort(at(flow) + 4);
  }

  public int outerPort(int flow) {
    return getShort(at(flow) + 6);
  }

  public int client(int flow) {
    return memory.getInt(at(flow) + 8);
  }

  /** CLIENT_FIN and so on. */
  public int flags(int flow) {
    return memory.getInt(at(flow) + 12);
  }

  public void setFlags(int flow, int flags) {
    memory.putInt(at(flow) + 12, flags);
    changed(flow);
  }

  public long remoteHigh(int flow) {
    return memory.getLong(at(flow) + 16);
  }

  public long remoteLow(int flow) {
    return memory.getLong(at(flow) + 24);
  }

  public long outerHigh(int flow) {
    return memory.getLong(at(flow) + 32);
  }

  public long outerLow(int flow) {
    return memory.getLong(at(flow) + 40);
  }

  /** When the last packet went or came, or the rest began: System.nanoTime(), CLOCK_MONOTONIC. */
  public long lastNanos(int flow) {
    return memory.getLong(at(flow) + 48);
  }

  public void touch(int flow, long nowNanos) {
    memory.putLong(at(flow) + 48, nowNanos);
  }

  /** When it began, milliseconds since 1970. */
  public long sinceMs(int flow) {
    return memory.getLong(at(flow) + 56);
  }

  public void setSinceMs(int flow, long sinceMs) {
    memory.putLong(at(flow) + 56, sinceMs);
  }

  /** Window scale of the client's SYN; -1 unknown. */
  public int scaleClient(int flow) {
    return scale(memory.getByte(at(flow) + 68));
  }

  /** Window scale of the server's SYN; -1 unknown. */
  public int scaleServer(int flow) {
    return scale(memory.getByte(at(flow) + 69));
  }

  /** What is larger counts as the largest: RFC 7323, 2.3. */
  private static int scale(int noted) {
    return noted >= -1 && noted <= MAX_SCALE ? noted : MAX_SCALE;
  }

  public void setScaleClient(int flow, int scale) {
    memory.putByte(at(flow) + 68, scale);
    changed(flow);
  }

  public void setScaleServer(int flow, int scale) {
    memory.putByte(at(flow) + 69, scale);
    changed(flow);
  }

  /** How often one node of a pair has taken it over from the other; then its port is not ours. */
  public int moves(int flow) {
    return memory.getByte(at(flow) + 70) & 0xff;
  }

  /** Up to 255, where it stays. */
  /** Whether a partner was told of it, ever. */
  public boolean isTold(int flow) {
    return memory.getByte(at(flow) + 71) != 0;
  }

  /** Notes that a partner is told of it, or may have been. */
  public void setTold(int flow) {
    memory.putByte(at(flow) + 71, 1);
  }

  public void setMoves(int flow, int moves) {
    memory.putByte(at(flow) + 70, Math.min(moves, 0xff));
    changed(flow);
  }

  /** Flows that have a record, resting ones included. */
  public int size() {
    return inside.size();
  }

  /** Records that there are. */
  public int capacity() {
    return capacity;
  }

  private int insideHash(int flow) {
    return insideHash(
        client(flow),
        protocol(flow),
        clientPort(flow),
        remoteHigh(flow),
        remoteLow(flow),
        remotePort(flow));
  }

  private static int insideHash(
      int client, int protocol, int port, long high, long low, int remotePort) {
    return HashIndex.mix(high ^ client, low, (long) protocol << 32 | port << 16 | remotePort);
  }

  private int outsideHash(int flow) {
    return outsideHash(
        outerLow(flow),
        protocol(flow),
        outerPort(flow),
        remoteHigh(flow),
        remoteLow(flow),
        remotePort(flow));
  }

  private static int outsideHash(
      long outerLow, int protocol, int port, long high, long low, int remotePort) {
    return HashIndex.mix(high ^ outerLow, low, (long) protocol << 32 | port << 16 | remotePort);
  }

  private int at(int flow) {
    return table.offset(flow);
  }

  private int getShort(int at) {
    return (memory.getByte(at) & 0xff) | ((memory.getByte(at + 1) & 0xff) << 8);
  }

  private void putShort(int at, int value) {
    memory.putByte(at, value);
    memory.putByte(at + 1, value >> 8);
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
