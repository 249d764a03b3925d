package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Reserve;
import dev.oxbow.splicer.relay.Side;
import io.vertx.core.buffer.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * The preludes of one relay: put where all bytes in flight are, into kernel objects, before the
 * relay begins, and counted in the account, bytes and pipes, until they are written. Control loop
 * only.
 */
final class Preludes {
  private static final int CHUNK_BYTES = 64 << 10;
  private static final int PAGE_BYTES = 4096;

  /** Two ends. */
  private static final int DESCRIPTORS = 2;

  private final Account account;
  private final Reserve reserve;
  private final @Nullable Pipe[] pipes = new Pipe[Side.values().length];
  private final int[] bytes = new int[Side.values().length];

  Preludes(Account account, Reserve reserve) {
    this.account = account;
    this.reserve = reserve;
  }

  /**
   * Fills a pipe with the prelude to a side.
   *
   * @return a pipe that the relay takes over when it begins, or null for no bytes
   * @throws RequestException {@code quota-exceeded} when the account may not hold so much, or the
   *     kernel grants no pipe that is large enough
   */
  @Nullable Pipe fill(Side to, Buffer prelude) {
    int length = prelude.length();
    if (length == 0) {
      return null;
    }
    account.addBytes(length);
    account.addDescriptors(DESCRIPTORS);
    bytes[to.index()] = length;
    account.checkDescriptors();
    Pipe pipe = open((length + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
    pipes[to.index()] = pipe;
    if (reserve.contains(pipe.readEnd().fd()) || reserve.contains(pipe.writeEnd().fd())) {
      throw noDescriptor();
    }
    write("prelude." + (to == Side.A ? "toA" : "toB"), prelude.getBytes(), pipe);
    return pipe;
  }

  /** Whether there is a prelude that is not written yet. */
  boolean any() {
    return bytes[0] + bytes[1] > 0;
  }

  /** Counts the prelude to a side that another process had put into a pipe. */
  void count(Side to, long length) {
    if (length > 0) {
      account.countBytes(length);
      account.addDescriptors(DESCRIPTORS);
      bytes[to.index()] = (int) length;
    }
  }

  private static void write(String field, byte[] all, Pipe pipe) {
    NativeMemory chunk = NativeMemory.allocate(Math.min(CHUNK_BYTES, all.length));
    int done = 0;
    while (done < all.length) {
      int length = Math.min(chunk.size(), all.length - done);
      chunk.putBytes(0, all, done, length);
      long n = Syscalls.write(pipe.writeEnd().fd(), chunk.address(), length);
      if (n == Syscalls.AGAIN) {
        throw new RequestException(
            ErrorCode.QUOTA_EXCEEDED,
            field + ": the kernel grants no pipe for " + all.length + " bytes now");
      }
      done += (int) n;
    }
  }

  private static Pipe open(int capacity) {
    try {
      return Pipe.open(capacity);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EMFILE || e.errno() == Errno.ENFILE) {
        throw noDescriptor();
      }
      throw e;
    }
  }

  private static RequestException noDescriptor() {
    return new RequestException(
        ErrorCode.QUOTA_EXCEEDED, "prelude: the service has no descriptor left");
  }

  /** The prelude to a side is the account's no more: it was written, or the relay is over. */
  void countOff(Side to) {
    if (bytes[to.index()] > 0) {
      account.removeBytes(bytes[to.index()]);
      account.removeDescriptors(DESCRIPTORS);
      bytes[to.index()] = 0;
    }
  }

  /** The relay did not begin: closes the pipes. */
  void close() {
    for (Side side : Side.values()) {
      Pipe pipe = pipes[side.index()];
      if (pipe != null) {
        pipe.close();
      }
      countOff(side);
    }
  }
}
