package dev.oxbow.fdpassing.libc;

import com.kenai.jffi.MemoryIO;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import jnr.ffi.Pointer;

/**
 * Off-heap memory at a fixed address, in native byte order: allocated once and freed with this
 * object, or a shared mapping of a descriptor that stays until {@link #unmap()}. Bounds are checked
 * by the buffer. Not synchronized; one writer at a time.
 */
public final class NativeMemory {
  private static final VarHandle INTS =
      MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.nativeOrder());

  private final ByteBuffer buffer;
  private final long address;
  private final boolean mapped;
  private boolean unmapped;

  private NativeMemory(ByteBuffer buffer, long address, boolean mapped) {
    this.buffer = buffer.order(ByteOrder.nativeOrder());
    this.address = address;
    this.mapped = mapped;
  }

  /** Zeroed memory that lives as long as this object is reachable; {@code size} in bytes. */
  public static NativeMemory allocate(int size) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(size);
    return new NativeMemory(buffer, Pointer.wrap(LibC.RUNTIME, buffer).address(), false);
  }

  /**
   * Maps a descriptor, shared, readable and writable.
   *
   * @param fd a memfd of our own; the mapping does not need it afterwards
   * @param size in bytes
   */
  public static NativeMemory map(int fd, int size) {
    long address = Syscalls.mmap(fd, size);
    return new NativeMemory(
        MemoryIO.getInstance().newDirectByteBuffer(address, size), address, true);
  }

  /** Ends a mapping; any later access is refused. Idempotent. */
  public void unmap() {
    if (mapped && !unmapped) {
      unmapped = true;
      buffer.limit(0);
      Syscalls.munmap(address, buffer.capacity());
    }
  }

  /** The address of the first byte. */
  public long address() {
    return address;
  }

  /** Size in bytes. */
  public int size() {
    return buffer.limit();
  }

  /** A view of the same memory with its own position, in native order. */
  public ByteBuffer view() {
    return buffer.duplicate().order(ByteOrder.nativeOrder());
  }

  public byte getByte(int offset) {
    return buffer.get(offset);
  }

  public void putByte(int offset, int value) {
    buffer.put(offset, (byte) value);
  }

  public int getInt(int offset) {
    return buffer.getInt(offset);
  }

  public void putInt(int offset, int value) {
    buffer.putInt(offset, value);
  }

  /** Reads what another thread or process may write meanwhile; the offset is a multiple of 4. */
  public int getIntVolatile(int offset) {
    return (int) INTS.getVolatile(buffer, offset);
  }

  /**
   * Sets an int if it still is as expected, at once for all threads and processes that map it.
   *
   * @param offset a multiple of 4
   * @return whether it was
   */
  public boolean compareAndSetInt(int offset, int expected, int value) {
    return INTS.compareAndSet(buffer, offset, expected, value);
  }

  public long getLong(int offset) {
    return buffer.getLong(offset);
  }

  public void putLong(int offset, long value) {
    buffer.putLong(offset, value);
  }

  /** Copies bytes out of this memory. */
  public byte[] bytes(int offset, int length) {
    byte[] bytes = new byte[length];
    buffer.get(offset, bytes);
    return bytes;
  }

  /** Copies bytes from another address. */
  public void copyFrom(int offset, long from, int length) {
    Objects.checkFromIndexSize(offset, length, buffer.limit());
    MemoryIO.getInstance().copyMemory(from, address + offset, length);
  }

  /** Copies bytes into this memory. */
  public void putBytes(int offset, byte[] bytes, int from, int length) {
    buffer.put(offset, bytes, from, length);
  }
}
