package dev.oxbow.app.demo.payload;

import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** So many bytes that look random and depend only on a seed (splitmix64). One thread. */
public final class Payload extends InputStream {

  /** Seed of what the origin sends on connections for half-closing. */
  public static final long ANSWER_SEED = 99;

  /** Length of what the origin sends on connections for half-closing. */
  public static final long ANSWER_BYTES = 24L << 20;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final int BLOCK_BYTES = 8192;

  private final byte[] block = new byte[BLOCK_BYTES];
  private long state;
  private long remaining;
  private int position = BLOCK_BYTES;

  /**
   * @param seed the same seed gives the same bytes
   * @param length in bytes
   */
  public Payload(long seed, long length) {
    this.state = seed;
    this.remaining = length;
  }

  @Override
  public int read() {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) {
    if (length == 0) {
      return 0;
    }
    if (remaining == 0) {
      return -1;
    }
    if (position == BLOCK_BYTES) {
      fill();
    }
    int n = (int) Math.min(remaining, Math.min(length, BLOCK_BYTES - position));
    System.arraycopy(block, position, into, offset, n);
    position += n;
    remaining -= n;
    return n;
  }

  private void fill() {
    for (int i = 0; i < BLOCK_BYTES; i += Long.BYTES) {
      state += 0x9E3779B97F4A7C15L;
      long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
      z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
      LONGS.set(block, i, z ^ (z >>> 31));
    }
    position = 0;
  }

  /** Nothing to close, and so nothing that can fail. */
  @Override
  public void close() {}
}
