package dev.oxbow.pair.loan;

import java.util.Arrays;

/**
 * Some of the blocks, which can be gone over without a look at the others. Allocates when there are
 * more than ever before. One thread at a time.
 */
final class BlockSet {
  private static final int FEW = 16;

  /** Of each block: its place among the members plus 1, or 0. */
  private final int[] places;

  private int[] members = new int[FEW];
  private int size;

  /**
   * An empty one.
   *
   * @param blocks that there are
   */
  BlockSet(int blocks) {
    places = new int[blocks];
  }

  int size() {
    return size;
  }

  /** One of them; who removes it while going over all, goes from the last to the first. */
  int get(int place) {
    return members[place];
  }

  boolean contains(int block) {
    return places[block] > 0;
  }

  void add(int block) {
    if (contains(block)) {
      return;
    }
    if (size == members.length) {
      members = Arrays.copyOf(members, Math.min(places.length, size * 2));
    }
    members[size++] = block;
    places[block] = size;
  }

  /** The last one takes its place. */
  void remove(int block) {
    if (!contains(block)) {
      return;
    }
    int last = members[--size];
    members[places[block] - 1] = last;
    places[last] = places[block];
    places[block] = 0;
  }

  void clear() {
    while (size > 0) {
      places[members[--size]] = 0;
    }
  }
}
