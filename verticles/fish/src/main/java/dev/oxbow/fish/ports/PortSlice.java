package dev.oxbow.fish.ports;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fdpassing.libc.NativeMemory;
import org.jspecify.annotations.Nullable;

/**
 * The ports of one outer address that this machine has: who uses them how often, which of them
 * belong to one client's port alone, and which of them may be given out where a partner has a say.
 * One thread at a time.
 */
public final class PortSlice {

  /** Ports that change their owner together. */
  public static final int BLOCK_PORTS = 64;

  private static final int PROTOCOLS = 3;

  private final long high;
  private final long low;
  private final int first;
  private final int last;

  /** Per protocol and port: flows that use it, and whose it is alone (0: nobody's). */
  private final NativeMemory uses;

  private final NativeMemory exclusive;

  /** Finds the port of a client's port that has one alone. */
  private final HashIndex endpoints;

  /** Null where all ports are this node's. */
  private @Nullable SharedBlocks shared;

  /** The numbers of its blocks there. */
  private int[] blocks = {};

  /**
   * All of its ports are this node's.
   *
   * @param high of the outer address
   * @param low of the outer address
   * @param first port, inclusive
   * @param last port, inclusive
   */
  public PortSlice(long high, long low, int first, int last) {
    if (first < 1 || last > 0xffff || first > last) {
      throw new IllegalArgumentException("ports " + first + "-" + last);
    }
    this.high = high;
    this.low = low;
    this.first = first;
    this.last = last;
    this.uses = NativeMemory.allocate(PROTOCOLS * size() * Integer.BYTES);
    this.exclusive = NativeMemory.allocate(PROTOCOLS * size() * Long.BYTES);
    this.endpoints = new HashIndex(PROTOCOLS * size(), this::endpointHash);
  }

  public long high() {
    return high;
  }

  public long low() {
    return low;
  }

  public int first() {
    return first;
  }

  public int last() {
    return last;
  }

  /** How many ports. */
  public int size() {
    return last - first + 1;
  }

  /** Whether it is a slice of this address with this port. */
  public boolean contains(long addressHigh, long addressLow, int port) {
    return addressHigh == high && addressLow == low && port >= first && port <= last;
  }

  /**
   * A partner has a say from here on.
   *
   * @param numbers of this slice's blocks
   */
  void share(SharedBlocks with, int[] numbers) {
    shared = with;
    blocks = numbers;
  }

  boolean isShared() {
    return shared != null;
  }

  /** The number of a port's block among those that are shared. */
  int block(int port) {
    return blocks[port / BLOCK_PORTS - first / BLOCK_PORTS];
  }

  /** Whether a new connection may have a port now. */
  private boolean offers(int port) {
    return shared == null || shared.mayBegin(block(port));
  }

  /** Whether a new connection may have a port that is this node's own, or that it is lent. */
  boolean offers(int port, boolean lent) {
    return shared == null || (shared.isOwn(block(port)) != lent && shared.mayBegin(block(port)));
  }

  /** Nobody uses any of its ports. */
  public void clear() {
    for (int at = 0; at < uses.size(); at += Integer.BYTES) {
      uses.putInt(at, 0);
    }
    for (int at = 0; at < exclusive.size(); at += Long.BYTES) {
      exclusive.putLong(at, 0);
    }
    endpoints.clear();
    for (int block : blocks) {
      if (shared != null) {
        shared.clear(block);
      }
    }
  }

  /** Flows that use a port, toward whatever destination. */
  public int uses(int protocol, int port) {
    return uses.getInt(index(protocol, port) * Integer.BYTES);
  }

  /** A flow more or less uses a port; what the last one gives back is nobody's. */
  public void countUse(int protocol, int port, int change) {
    int at = index(protocol, port) * Integer.BYTES;
    uses.putInt(at, uses.getInt(at) + change);
    if (shared != null) {
      shared.count(block(port), change);
    }
    if (uses.getInt(at) == 0 && exclusive(protocol, port) != 0) {
      endpoints.remove(index(protocol, port));
      exclusive.putLong(index(protocol, port) * Long.BYTES, 0);
    }
  }

  /** Whose port it is alone: a client and its port, as {@link #endpoint} puts them; 0 nobody's. */
  long exclusive(int protocol, int port) {
    return exclusive.getLong(index(protocol, port) * Long.BYTES);
  }

  /** A port is a client's port's alone from here on, if it is nobody's. */
  public void setExclusive(int protocol, int port, int client, int clientPort) {
    long endpoint = endpoint(client, clientPort);
    if (exclusive(protocol, port) == 0) {
      exclusive.putLong(index(protocol, port) * Long.BYTES, endpoint);
      endpoints.add(index(protocol, port));
    }
  }

  /** The port that a client's port has alone, and may have for another connection; or -1. */
  public int portOf(int protocol, int client, int clientPort) {
    long endpoint = endpoint(client, clientPort);
    int row = index(protocol, first) / size();
    int candidate = endpoints.first(endpointHash(row, endpoint));
    while (candidate >= 0) {
      int port = first + candidate % size();
      if (candidate / size() == row
          && exclusive.getLong(candidate * Long.BYTES) == endpoint
          && offers(port)) {
        return port;
      }
      candidate = endpoints.next();
    }
    return -1;
  }

  private int endpointHash(int index) {
    return endpointHash(index / size(), exclusive.getLong(index * Long.BYTES));
  }

  private static int endpointHash(int row, long endpoint) {
    return HashIndex.mix(endpoint, row, 0);
  }

  static long endpoint(int client, int clientPort) {
    return (long) client << 16 | clientPort;
  }

  private int index(int protocol, int port) {
    int row =
        switch (protocol) {
          case IpProtocol.TCP -> 0;
          case IpProtocol.UDP -> 1;
          default -> 2;
        };
    return row * size() + port - first;
  }
}
