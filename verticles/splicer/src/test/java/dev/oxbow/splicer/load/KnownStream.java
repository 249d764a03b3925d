package dev.oxbow.splicer.load;

import java.util.Random;

/**
 * An endless stream whose bytes follow from a seed and their position, so that one end can make it
 * and the other can check it, byte by byte and in order. Two of them, one at each end.
 */
public final class KnownStream {
  private static final byte[] TABLE = table();

  private final long seed;
  private long position;

  public KnownStream(long seed) {
    this.seed = seed;
  }

  private static byte[] table() {
    // A prime length, so that no shift by a power of two leads to the same bytes.
    byte[] table = new byte[65_521];
    new Random(20_261_122).nextBytes(table);
    return table;
  }

  /** How many bytes were made or checked so far. */
  public long position() {
    return position;
  }

  /** The next bytes. */
  public byte[] next(int length) {
    byte[] bytes = peek(length);
    position += length;
    return bytes;
  }

  /** The next bytes, without going on. */
  public byte[] peek(int length) {
    byte[] bytes = new byte[length];
    int at = (int) Math.floorMod(seed + position, (long) TABLE.length);
    byte mask = mask(position);
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (TABLE[at] ^ mask);
      if (++at == TABLE.length) {
        at = 0;
        mask = mask(position + i + 1);
      }
    }
    return bytes;
  }

  /** Skips bytes that were peeked at. */
  public void skip(int length) {
    position += length;
  }

  /**
   * Takes the next bytes for received ones.
   *
   * @throws AssertionError naming the first position at which they differ
   */
  public void check(byte[] received) {
    byte[] expected = peek(received.length);
    int wrong = java.util.Arrays.mismatch(expected, received);
    if (wrong >= 0) {
      throw new AssertionError("stream " + seed + " differs at byte " + (position + wrong));
    }
    position += received.length;
  }

  private byte mask(long at) {
    return (byte) (Math.floorDiv(seed + at, (long) TABLE.length) * 167);
  }
}
