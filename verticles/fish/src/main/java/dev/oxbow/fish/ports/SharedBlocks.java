package dev.oxbow.fish.ports;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The blocks of ports that a partner has a say in: until when each may be used, and how many
 * connections it has. What may be asked for each packet is two reads and a comparison. One thread
 * at a time.
 */
public final class SharedBlocks {

  /** Instead of a block: of a port that is not granted. */
  private static final int NONE = -1;

  private final List<Block> blocks;
  private final boolean[] own;
  private final long[] beginNanos;
  private final long[] useNanos;
  private final int[] connections;

  /** Of each connection. */
  private final int[] blockOf;

  private long nowNanos;

  /**
   * A block.
   *
   * @param high of the address
   * @param low of the address
   * @param index of the block in the address
   */
  private record Block(long high, long low, int index) {}

  /**
   * None may be used; the slices ask from here on. Slices that share a block have it in common.
   *
   * @param flows connections that there can be
   */
  public SharedBlocks(List<PortSlice> slices, int flows) {
    Map<Block, Integer> numbers = new LinkedHashMap<>();
    for (PortSlice slice : slices) {
      int first = slice.first() / PortSlice.BLOCK_PORTS;
      int[] own = new int[slice.last() / PortSlice.BLOCK_PORTS - first + 1];
      for (int i = 0; i < own.length; i++) {
        Block block = new Block(slice.high(), slice.low(), first + i);
        own[i] = numbers.computeIfAbsent(block, none -> numbers.size());
      }
      slice.share(this, own);
    }
    this.blocks = new ArrayList<>(numbers.keySet());
    this.own = new boolean[blocks.size()];
    this.beginNanos = new long[blocks.size()];
    this.useNanos = new long[blocks.size()];
    this.connections = new int[blocks.size()];
    this.blockOf = new int[flows];
  }

  public int count() {
    return blocks.size();
  }

  /** Of a block's address. */
  public long high(int block) {
    return blocks.get(block).high;
  }

  /** Of a block's address. */
  public long low(int block) {
    return blocks.get(block).low;
  }

  /** Which of the address's. */
  public int index(int block) {
    return blocks.get(block).index;
  }

  /** Sets the time that terms are compared with. */
  public void now(long nanos) {
    nowNanos = nanos;
  }

  public long nowNanos() {
    return nowNanos;
  }

  /** Sets a block's term: exclusive ends, 0 for never. */
  public void allow(int block, boolean ours, long begin, long use) {
    own[block] = ours;
    beginNanos[block] = begin;
    useNanos[block] = use;
  }

  boolean isOwn(int block) {
    return own[block];
  }

  /** Whether a new connection may have a port of the block. */
  boolean mayBegin(int block) {
    return nowNanos < beginNanos[block];
  }

  /** That of a connection whose port is granted. */
  public int block(int flow) {
    return blockOf[flow];
  }

  /** Whether a new connection may have the port of one that is over. */
  public boolean mayRenew(int flow) {
    int block = blockOf[flow];
    return block != NONE && mayBegin(block);
  }

  /** Whether packets of a connection may leave. */
  public boolean mayUse(int flow) {
    int block = blockOf[flow];
    return block != NONE && nowNanos < useNanos[block];
  }

  /** A connection is in a slice, with a port of that. */
  public void place(int flow, PortSlice slice, int port) {
    blockOf[flow] = slice.block(port);
  }

  /** A connection has a port that is not granted any more. */
  public void placeNowhere(int flow) {
    blockOf[flow] = NONE;
  }

  void count(int block, int change) {
    connections[block] += change;
  }

  void clear(int block) {
    connections[block] = 0;
  }

  /** Connections on a block, those that rest included. */
  public int connections(int block) {
    return connections[block];
  }
}
