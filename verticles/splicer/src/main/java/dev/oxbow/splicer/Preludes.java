package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import io.vertx.core.buffer.Buffer;
import org.jspecify.annotations.Nullable;

/** Puts preludes where all bytes in flight are, into kernel objects, before a relay begins. */
final class Preludes {
  private static final int CHUNK_BYTES = 64 << 10;
  private static final int PAGE_BYTES = 4096;

  private Preludes() {}

  /**
   * A pipe that holds the bytes, or null for none.
   *
   * @throws RequestException {@code quota-exceeded} when the kernel grants no pipe that is large
   *     enough
   */
  static @Nullable Pipe toPipe(String field, Buffer bytes) {
    if (bytes.length() == 0) {
      return null;
    }
    Pipe pipe = open((bytes.length() + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
    NativeMemory chunk = NativeMemory.allocate(Math.min(CHUNK_BYTES, bytes.length()));
    byte[] all = bytes.getBytes();
    int done = 0;
    while (done < all.length) {
      int length = Math.min(chunk.size(), all.length - done);
      chunk.putBytes(0, all, done, length);
      long n = Syscalls.write(pipe.writeEnd().fd(), chunk.address(), length);
      if (n == Syscalls.AGAIN) {
        pipe.close();
        throw new RequestException(
            ErrorCode.QUOTA_EXCEEDED,
            field + ": the kernel grants no pipe for " + all.length + " bytes now");
      }
      done += (int) n;
    }
    return pipe;
  }

  private static Pipe open(int capacity) {
    try {
      return Pipe.open(capacity);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EMFILE || e.errno() == Errno.ENFILE) {
        throw new RequestException(
            ErrorCode.QUOTA_EXCEEDED, "prelude: the service has no descriptor left");
      }
      throw e;
    }
  }
}
