package dev.oxbow.codecs.ip;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Numbers in network byte order at absolute positions of a buffer, whatever order the buffer has
 * and wherever its position is; its limit bounds the access. Meant for direct buffers, works with
 * all.
 */
public final class Bytes {
  private static final VarHandle U16 = view(short[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle U32 = view(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle U64 = view(long[].class, ByteOrder.BIG_ENDIAN);

  private Bytes() {}

  static VarHandle view(Class<?> array, ByteOrder order) {
    return MethodHandles.byteBufferViewVarHandle(array, order);
  }

  /** An unsigned byte. */
  public static int u8(ByteBuffer memory, int at) {
    return memory.get(at) & 0xff;
  }

  /** An unsigned short. */
  public static int u16(ByteBuffer memory, int at) {
    return (short) U16.get(memory, at) & 0xffff;
  }

  /** An int, with its sign bit as any other. */
  public static int u32(ByteBuffer memory, int at) {
    return (int) U32.get(memory, at);
  }

  /** A long, with its sign bit as any other. */
  public static long u64(ByteBuffer memory, int at) {
    return (long) U64.get(memory, at);
  }

  public static void put8(ByteBuffer memory, int at, int value) {
    memory.put(at, (byte) value);
  }

  public static void put16(ByteBuffer memory, int at, int value) {
    U16.set(memory, at, (short) value);
  }

  public static void put32(ByteBuffer memory, int at, int value) {
    U32.set(memory, at, value);
  }

  public static void put64(ByteBuffer memory, int at, long value) {
    U64.set(memory, at, value);
  }
}
