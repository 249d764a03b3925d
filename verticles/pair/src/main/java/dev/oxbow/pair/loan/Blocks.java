package dev.oxbow.pair.loan;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The blocks of ports that a node shares with its partner, numbered from 0 in the order in which
 * its addresses and ports were granted. The numbers are this node's; what both mean by a block is
 * its {@link Id}. Immutable.
 */
public final class Blocks {

  /** Ports that are lent together: a block begins at a multiple of it. */
  public static final int BLOCK_PORTS = 64;

  private final List<Id> ids;
  private final Home[] homes;
  private final Map<Id, Integer> numbers;

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

    boolean isOf(Address address) {
      return high == address.high && low == address.low;
    }

    /** Whose block it is. */
    public Home home() {
      return Home.of(index * BLOCK_PORTS);
    }
  }

  /**
   * Blocks are wanted of one address at a time.
   *
   * @param high bits of the address
   * @param low bits of the address
   */
  public record Address(long high, long low) {}

  private Blocks(Map<Id, Integer> numbers) {
    this.ids = new ArrayList<>(numbers.keySet());
    this.homes = ids.stream().map(Id::home).toArray(Home[]::new);
    this.numbers = numbers;
  }

  /** The blocks of what is granted; ranges may begin or end within a block, and share one. */
  public static Blocks of(List<Range> granted) {
    Map<Id, Integer> numbers = new LinkedHashMap<>();
    for (Range range : granted) {
      for (int i = range.first() / BLOCK_PORTS; i <= range.last() / BLOCK_PORTS; i++) {
        numbers.putIfAbsent(new Id(range.high(), range.low(), i), numbers.size());
      }
    }
    return new Blocks(numbers);
  }

  /** How many. */
  public int count() {
    return ids.size();
  }

  /** Whose block a number is. */
  public Home home(int block) {
    return homes[block];
  }

  /** What both nodes call a block. */
  public Id id(int block) {
    return ids.get(block);
  }

  /** The number of a block; -1 when it was not granted here. */
  public int number(Id id) {
    return numbers.getOrDefault(id, -1);
  }

  /** The number of a port's block; -1 when it was not granted here. */
  public int number(long high, long low, int port) {
    return number(new Id(high, low, port / BLOCK_PORTS));
  }

  /** Differs where blocks or their numbers differ. */
  long fingerprint() {
    long print = ids.size();
    for (Id id : ids) {
      print = print * 0x9e37_79b9_7f4a_7c15L + id.high();
      print = print * 0x9e37_79b9_7f4a_7c15L + id.low();
      print = print * 0x9e37_79b9_7f4a_7c15L + id.index();
    }
    return print;
  }
}
