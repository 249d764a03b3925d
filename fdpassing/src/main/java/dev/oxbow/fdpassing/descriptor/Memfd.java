package dev.oxbow.fdpassing.descriptor;

import static dev.oxbow.fdpassing.libc.Syscalls.F_ADD_SEALS;
import static dev.oxbow.fdpassing.libc.Syscalls.F_GET_SEALS;
import static dev.oxbow.fdpassing.libc.Syscalls.F_SEAL_GROW;
import static dev.oxbow.fdpassing.libc.Syscalls.F_SEAL_SEAL;
import static dev.oxbow.fdpassing.libc.Syscalls.F_SEAL_SHRINK;
import static dev.oxbow.fdpassing.libc.Syscalls.F_SEAL_WRITE;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Memory with a descriptor, memfd_create(2): state that a successor maps, and messages that are too
 * large for a packet.
 */
public final class Memfd {
  private static final int CHUNK_BYTES = 64 * 1024;

  private Memfd() {}

  /**
   * Makes zeroed memory of a fixed size that can neither shrink nor grow, so that no mapping of it
   * can fault.
   *
   * @param name what /proc shows
   * @param size in bytes; pages are only taken when touched
   */
  public static Descriptor open(String name, int size) {
    Descriptor memfd = create(name);
    try {
      Syscalls.ftruncate(memfd.fd(), size);
      Syscalls.fcntl(memfd.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
      return memfd;
    } catch (RuntimeException e) {
      memfd.close();
      throw e;
    }
  }

  /** Makes a sealed, read-only copy of some bytes, to be sent away. */
  public static Descriptor of(String name, byte[] bytes) {
    Descriptor memfd = create(name);
    try {
      NativeMemory chunk = NativeMemory.allocate(Math.min(CHUNK_BYTES, Math.max(1, bytes.length)));
      int done = 0;
      while (done < bytes.length) {
        int length = Math.min(chunk.size(), bytes.length - done);
        chunk.putBytes(0, bytes, done, length);
        done += (int) Syscalls.write(memfd.fd(), chunk.address(), length);
      }
      Syscalls.fcntl(
          memfd.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
      return memfd;
    } catch (RuntimeException e) {
      memfd.close();
      throw e;
    }
  }

  /**
   * Whether a descriptor of unknown origin is a memfd or a file on tmpfs or hugetlbfs, which are
   * the same to the kernel. Asks for its seals, which never blocks, whatever the descriptor is;
   * none need be set.
   */
  public static boolean isSharedMemory(int fd) {
    return Syscalls.tryFcntl(fd, F_GET_SEALS, 0) >= 0;
  }

  /**
   * Reads a memfd that another process may still write to, shrink or grow: with pread(2), never by
   * a mapping.
   *
   * @param limit refuse more than so many bytes
   * @return the content, or null when it is longer than the limit
   */
  public static byte @Nullable [] read(int fd, int limit) {
    NativeMemory chunk = NativeMemory.allocate(CHUNK_BYTES);
    byte[] bytes = new byte[CHUNK_BYTES];
    int done = 0;
    while (true) {
      int n = (int) Syscalls.pread(fd, chunk.address(), chunk.size(), done);
      if (n == 0) {
        return Arrays.copyOf(bytes, done);
      }
      if (done + n > limit) {
        return null;
      }
      if (done + n > bytes.length) {
        bytes = Arrays.copyOf(bytes, Math.max(done + n, Math.min(limit, 2 * bytes.length)));
      }
      chunk.view().get(0, bytes, done, n);
      done += n;
    }
  }

  private static Descriptor create(String name) {
    return Descriptor.adopt(
        Syscalls.memfdCreate(name, Syscalls.MFD_CLOEXEC | Syscalls.MFD_ALLOW_SEALING));
  }
}
