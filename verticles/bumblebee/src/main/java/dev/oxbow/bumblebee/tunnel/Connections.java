package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.handoff.state.StateTable.Layout;

/**
 * The records of all connections, in a memfd from the start, in {@link TunnelPlane#GROUPS} regions
 * of one size. A record's place in its region tells its address and port in the namespace, {@link
 * Pool}, so it must not be used again before the kernel has forgotten the connection in every
 * state. One writer per region: the loop of the group.
 *
 * <pre>
 *   0 id u64 (0: free)      8 tunnel's place i32   12 flags u32
 *  16 client high u64      24 client low u64
 *  32 destination high u64 40 destination low u64
 *  48 client port u16      50 destination port u16 52 FIN of the client, next sequence u32
 *  56 bornNanos u64: of the last SYN
 *  64..95 reserved
 * </pre>
 *
 * The record before the first of a region counts its connections: its id is the last one given.
 */
final class Connections implements AutoCloseable {

  /** "OXCONNEC" in ASCII. */
  private static final long MAGIC = 0x43454e4e4f43584fL;

  /** Of the record's layout. */
  static final int VERSION = 1;

  /** Size of a record. */
  static final int BYTES = 96;

  /** The kernel has answered the SYN. */
  static final int ANSWERED = 1;

  /** The client has acknowledged the answer. */
  static final int ESTABLISHED = 2;

  /** The client has ended its direction. */
  static final int CLIENT_FIN = 4;

  /** The kernel has ended its direction. */
  static final int KERNEL_FIN = 8;

  /** The kernel ended its direction knowing that the client had: it keeps no TIME_WAIT. */
  static final int PASSIVE = 16;

  /** One of them has reset the connection. */
  static final int RESET = 32;

  /** The kernel's socket is gone, but for a TIME_WAIT. */
  static final int GONE = 64;

  private final StateTable table;
  private final NativeMemory memory;
  private final int perGroup;

  /**
   * @param perGroup connections of a group at most
   */
  Connections(int perGroup) {
    this(
        StateTable.open(
            "oxbow-bumblebee-connections",
            new Layout(MAGIC, VERSION, VERSION, BYTES, TunnelPlane.GROUPS * (perGroup + 1))));
  }

  private Connections(StateTable table) {
    this.table = table;
    this.memory = table.memory();
    this.perGroup = table.layout().records() / TunnelPlane.GROUPS - 1;
  }

  /**
   * Takes over the table of another process.
   *
   * @param memfd owned by the table from here on, and closed when this throws
   * @throws IllegalArgumentException saying what does not fit
   */
  static Connections adopt(Descriptor memfd) {
    return new Connections(StateTable.adopt(memfd, MAGIC, VERSION, BYTES, TunnelPlane.GROUPS));
  }

  Descriptor descriptor() {
    return table.descriptor();
  }

  int perGroup() {
    return perGroup;
  }

  /** Where a record lies: the first argument of all that follows. */
  int at(int group, int connection) {
    return table.offset(group * (perGroup + 1) + 1 + connection);
  }

  /** The record that counts a group's connections. */
  private int counter(int group) {
    return table.offset(group * (perGroup + 1));
  }

  /** How many records of a group were ever used: those behind have never been written. */
  int used(int group) {
    return memory.getInt(counter(group) + 8);
  }

  void used(int group, int records) {
    memory.putInt(counter(group) + 8, records);
  }

  private long newId(int group) {
    int counter = counter(group);
    long number = memory.getLong(counter) + 1;
    memory.putLong(counter, number);
    return number * TunnelPlane.GROUPS + group;
  }

  /** Fills in a record; it counts as taken when the id is written, last. */
  void begin(int group, int at, int slot, ConnectionKey key, long now) {
    final long id = newId(group);
    memory.putInt(at + 8, slot);
    memory.putInt(at + 12, 0);
    memory.putLong(at + 16, key.clientHigh);
    memory.putLong(at + 24, key.clientLow);
    memory.putLong(at + 32, key.destinationHigh);
    memory.putLong(at + 40, key.destinationLow);
    memory.putInt(at + 48, key.ports);
    memory.putLong(at + 56, now);
    memory.putLong(at, id);
  }

  /** Frees a record. */
  void clear(int at) {
    memory.putLong(at, 0);
    memory.putInt(at + 8, 0);
    memory.putInt(at + 12, 0);
  }

  long id(int at) {
    return memory.getLong(at);
  }

  int slot(int at) {
    return memory.getInt(at + 8);
  }

  int flags(int at) {
    return memory.getInt(at + 12);
  }

  void flags(int at, int flags) {
    memory.putInt(at + 12, flags);
  }

  /** The client has sent its SYN again. */
  void reborn(int at, long now) {
    memory.putLong(at + 56, now);
  }

  /** A new connection on the addresses of one that is over. */
  void renew(int group, int at, long now) {
    flags(at, 0);
    reborn(at, now);
    memory.putLong(at, newId(group));
  }

  long bornNanos(int at) {
    return memory.getLong(at + 56);
  }

  /** Sequence number behind the client's FIN. */
  int finNext(int at) {
    return memory.getInt(at + 52);
  }

  void finNext(int at, int sequence) {
    memory.putInt(at + 52, sequence);
  }

  long clientHigh(int at) {
    return memory.getLong(at + 16);
  }

  long clientLow(int at) {
    return memory.getLong(at + 24);
  }

  long destinationHigh(int at) {
    return memory.getLong(at + 32);
  }

  long destinationLow(int at) {
    return memory.getLong(at + 40);
  }

  int clientPort(int at) {
    return memory.getInt(at + 48) & 0xffff;
  }

  int destinationPort(int at) {
    return memory.getInt(at + 48) >>> 16;
  }

  /** 4 or 6. */
  int version(int at) {
    return ConnectionKey.version(destinationHigh(at), destinationLow(at));
  }

  boolean matches(int at, int slot, ConnectionKey key) {
    return memory.getInt(at + 8) == slot
        && memory.getInt(at + 48) == key.ports
        && memory.getLong(at + 24) == key.clientLow
        && memory.getLong(at + 40) == key.destinationLow
        && memory.getLong(at + 16) == key.clientHigh
        && memory.getLong(at + 32) == key.destinationHigh;
  }

  /** Reads a record's key. */
  void key(int at, ConnectionKey into) {
    into.clientHigh = clientHigh(at);
    into.clientLow = clientLow(at);
    into.destinationHigh = destinationHigh(at);
    into.destinationLow = destinationLow(at);
    into.ports = memory.getInt(at + 48);
  }

  @Override
  public void close() {
    table.close();
  }
}
