package dev.oxbow.pair.loan;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The blocks of ports that a node shares with its partner, numbered from 0 in the order in which
 * its addresses and ports were granted, as are its addresses. The numbers are this node's; what
 * both mean by a block is its {@link Id}. Immutable.
 */
public final class Blocks {

  /** Ports that are lent together: a block begins at a multiple of it. */
  public static final int BLOCK_PORTS = 64;

  /** Blocks that an address has at most. */
  static final int OF_ADDRESS = (1 << 16) / BLOCK_PORTS;

  private final Address[] addresses;
  private final Map<Address, Integer> numbers;

  /** Of each block. */
  private final int[] addressOf;

  private final int[] index;

  /** Of each index of each address: the number of its block plus 1, or 0. */
  private final int[] blocks;

  /** Of each address those of each home. */
  private final int[][] ofHome;

  private final long fingerprint;

  /**
   * Ports of one address.
   *
   * @param high bits of the address, as Fish has them
   * @param low bits of the address
   * @param first port, inclusive, 1 to 65,535
   * @param last port, inclusive
   */
  public record Range(long high, long low, int first, int last) {
    public Range {
      if (first < 1 || last > 0xffff || first > last) {
        throw new IllegalArgumentException("ports " + first + "-" + last);
      }
    }
  }

  /**
   * What a block is called between two nodes.
   *
   * @param high bits of the address
   * @param low bits of the address
   * @param index of the block among those of the address: the port divided by {@link #BLOCK_PORTS}
   */
  public record Id(long high, long low, int index) {

    /** Of the address. */
    public Address address() {
      return new Address(high, low);
    }
  }

  /**
   * Blocks are wanted of one address at a time.
   *
   * @param high bits of the address
   * @param low bits of the address
   */
  public record Address(long high, long low) {}

  private Blocks(List<Range> granted) {
    numbers = new HashMap<>();
    for (Range range : granted) {
      numbers.putIfAbsent(new Address(range.high, range.low), numbers.size());
    }
    addresses = new Address[numbers.size()];
    numbers.forEach((address, number) -> addresses[number] = address);
    blocks = new int[addresses.length * OF_ADDRESS];
    int[] at = new int[blocks.length];
    int count = 0;
    for (Range range : granted) {
      int first = address(range.high, range.low) * OF_ADDRESS;
      for (int i = range.first / BLOCK_PORTS; i <= range.last / BLOCK_PORTS; i++) {
        if (blocks[first + i] == 0) {
          at[count] = first + i;
          blocks[first + i] = ++count;
        }
      }
    }
    addressOf = new int[count];
    index = new int[count];
    for (int block = 0; block < count; block++) {
      addressOf[block] = at[block] / OF_ADDRESS;
      index[block] = at[block] % OF_ADDRESS;
    }
    ofHome = new int[addresses.length * 2][];
    for (int each = 0; each < ofHome.length; each++) {
      ofHome[each] = blocksOf(each / 2, each % 2);
    }
    fingerprint = print();
  }

  private int[] blocksOf(int address, int odd) {
    int[] found = new int[OF_ADDRESS];
    int count = 0;
    for (int i = odd; i < OF_ADDRESS; i += 2) {
      int block = blocks[address * OF_ADDRESS + i];
      if (block > 0) {
        found[count++] = block - 1;
      }
    }
    return Arrays.copyOf(found, count);
  }

  private long print() {
    long print = count();
    for (int block = 0; block < count(); block++) {
      Address address = addresses[addressOf[block]];
      print = print * 0x9e37_79b9_7f4a_7c15L + address.high;
      print = print * 0x9e37_79b9_7f4a_7c15L + address.low;
      print = print * 0x9e37_79b9_7f4a_7c15L + index[block];
    }
    return print;
  }

  /** The blocks of what is granted; ranges may begin or end within a block, and share one. */
  public static Blocks of(List<Range> granted) {
    return new Blocks(granted);
  }

  /** How many. */
  public int count() {
    return index.length;
  }

  /** Whose block a number is. */
  public Home home(int block) {
    return Home.of(index[block] * BLOCK_PORTS);
  }

  /** What both nodes call a block. */
  public Id id(int block) {
    Address address = addresses[addressOf[block]];
    return new Id(address.high, address.low, index[block]);
  }

  /** The number of a block; -1 when it was not granted here. */
  public int number(Id id) {
    int address = address(id.address());
    return address < 0 || id.index < 0 || id.index >= OF_ADDRESS
        ? -1
        : blocks[address * OF_ADDRESS + id.index] - 1;
  }

  /** The number of a port's block; -1 when it was not granted here. */
  public int number(long high, long low, int port) {
    return number(new Id(high, low, port / BLOCK_PORTS));
  }

  /** How many addresses. */
  public int addresses() {
    return addresses.length;
  }

  /** The address of a number. */
  public Address address(int number) {
    return addresses[number];
  }

  /** The number of an address; -1 when nothing of it was granted here. */
  public int address(Address address) {
    return numbers.getOrDefault(address, -1);
  }

  /** Likewise, for whoever allocates nothing. */
  public int address(long high, long low) {
    for (int number = 0; number < addresses.length; number++) {
      if (addresses[number].low == low && addresses[number].high == high) {
        return number;
      }
    }
    return -1;
  }

  /** The number of a block's address. */
  int addressOf(int block) {
    return addressOf[block];
  }

  /** The blocks of an address that have a home; not to be written to. */
  int[] of(int address, Home home) {
    return ofHome[address * 2 + (home == Home.FIRST ? 0 : 1)];
  }

  /** Differs where blocks or their numbers differ. */
  long fingerprint() {
    return fingerprint;
  }
}
