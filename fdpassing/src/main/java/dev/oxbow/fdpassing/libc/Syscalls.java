package dev.oxbow.fdpassing.libc;

import static dev.oxbow.fdpassing.libc.Errno.EAGAIN;
import static dev.oxbow.fdpassing.libc.Errno.EINTR;

import jnr.ffi.LastError;

/**
 * System calls on descriptors of any kind. EINTR is retried, {@link #AGAIN} and end of file are
 * values, the rest is thrown as {@link LinuxException}. Any thread.
 */
public final class Syscalls {

  /** What a transfer returns when it would block (EAGAIN). End of file is 0. */
  public static final long AGAIN = -1;

  // include/uapi/asm-generic/fcntl.h, include/uapi/linux/fcntl.h
  public static final int O_RDONLY = 0;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0x40;
  public static final int O_NONBLOCK = 0x800;
  public static final int O_CLOEXEC = 0x80000;
  public static final int F_GETFD = 1;
  public static final int F_SETFD = 2;
  public static final int FD_CLOEXEC = 1;
  public static final int F_GETFL = 3;
  public static final int F_SETFL = 4;
  public static final int F_DUPFD_CLOEXEC = 1030;
  public static final int F_SETPIPE_SZ = 1031;
  public static final int F_GETPIPE_SZ = 1032;
  public static final int F_ADD_SEALS = 1033;
  public static final int F_GET_SEALS = 1034;

  // include/uapi/linux/memfd.h, fcntl.h
  public static final int MFD_CLOEXEC = 1;
  public static final int MFD_ALLOW_SEALING = 2;
  public static final int F_SEAL_SEAL = 1;
  public static final int F_SEAL_SHRINK = 2;
  public static final int F_SEAL_GROW = 4;
  public static final int F_SEAL_WRITE = 8;

  // include/uapi/linux/splice.h
  public static final int SPLICE_F_MOVE = 1;
  public static final int SPLICE_F_NONBLOCK = 2;

  // include/uapi/asm-generic/ioctls.h; sockets.h
  public static final int FIONREAD = 0x541B;
  public static final int SIOCOUTQ = 0x5411;

  // include/uapi/linux/sched.h
  public static final int CLONE_NEWNET = 0x40000000;

  public static final int LOCK_EX = 2;
  public static final int LOCK_NB = 4;

  private static final int RLIMIT_NOFILE = 7;
  private static final int RLIMIT_NICE = 13;

  // include/uapi/linux/time.h
  private static final int CLOCK_BOOTTIME = 7;

  // include/uapi/linux/resource.h
  private static final int PRIO_PROCESS = 0;

  private static final LibC C = LibC.INSTANCE;
  private static final ThreadLocal<NativeMemory> SCRATCH =
      ThreadLocal.withInitial(() -> NativeMemory.allocate(512));

  private Syscalls() {}

  static int errno() {
    return LastError.getLastError(LibC.RUNTIME);
  }

  /** A small block of this thread's own for arguments that the kernel fills in. */
  static NativeMemory scratch() {
    return SCRATCH.get();
  }

  static int check(String syscall, int result) {
    if (result < 0) {
      throw new LinuxException(syscall, errno());
    }
    return result;
  }

  /** Turns a failed transfer into {@link #AGAIN} or an exception; EINTR is the caller's matter. */
  static long failed(String syscall, int errno) {
    if (errno == EAGAIN) {
      return AGAIN;
    }
    throw new LinuxException(syscall, errno);
  }

  /** close(2). Never retried: on Linux the number is free even after EINTR. */
  public static void close(int fd) {
    if (C.close(fd) < 0) {
      int errno = errno();
      if (errno != EINTR) {
        throw new LinuxException("close", errno);
      }
    }
  }

  /** read(2): bytes read, 0 at the end, or {@link #AGAIN}. */
  public static long read(int fd, long address, long length) {
    while (true) {
      long n = C.read(fd, address, length);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("read", errno);
      }
    }
  }

  /** write(2): bytes written or {@link #AGAIN}. */
  public static long write(int fd, long address, long length) {
    while (true) {
      long n = C.write(fd, address, length);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("write", errno);
      }
    }
  }

  /** pread(2): bytes read, 0 at or behind the end. */
  public static long pread(int fd, long address, long length, long offset) {
    while (true) {
      long n = C.pread(fd, address, length, offset);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("pread", errno);
      }
    }
  }

  /** pipe2(2). The read end is in the lower half of the result, the write end in the upper. */
  public static long pipe2(int flags) {
    NativeMemory fds = scratch();
    check("pipe2", C.pipe2(fds.address(), flags));
    return ((long) fds.getInt(4) << 32) | (fds.getInt(0) & 0xffffffffL);
  }

  /** splice(2) without offsets: bytes moved, 0 at the end of input, or {@link #AGAIN}. */
  public static long splice(int in, int out, long length, int flags) {
    while (true) {
      long n = C.splice(in, null, out, null, length, flags);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("splice", errno);
      }
    }
  }

  /** tee(2), never blocking: bytes duplicated or {@link #AGAIN}. */
  public static long tee(int in, int out, long length) {
    while (true) {
      long n = C.tee(in, out, length, SPLICE_F_NONBLOCK);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("tee", errno);
      }
    }
  }

  /** fcntl(2) with an integer argument. */
  public static int fcntl(int fd, int command, long argument) {
    return check("fcntl", C.fcntl(fd, command, argument));
  }

  /** fcntl(2) that answers with the negated error number instead of throwing. */
  public static int tryFcntl(int fd, int command, long argument) {
    int result = C.fcntl(fd, command, argument);
    return result < 0 ? -errno() : result;
  }

  /**
   * ioctl(2) with the address of an argument, or a number for those that take one.
   *
   * @throws LinuxException named {@code ioctl}
   */
  public static int ioctl(int fd, long request, long argument) {
    return check("ioctl", C.ioctl(fd, request, argument));
  }

  /** ioctl(2) that answers with the negated error number instead of throwing. */
  public static int tryIoctl(int fd, long request, long argument) {
    int result = C.ioctl(fd, request, argument);
    return result < 0 ? -errno() : result;
  }

  /**
   * unshare(2) of the calling thread.
   *
   * @param flags such as {@link #CLONE_NEWNET}
   */
  public static void unshare(int flags) {
    check("unshare", C.unshare(flags));
  }

  /**
   * setns(2) of the calling thread.
   *
   * @param fd a namespace
   * @param type which kind it must be, such as {@link #CLONE_NEWNET}
   */
  public static void setns(int fd, int type) {
    check("setns", C.setns(fd, type));
  }

  /** Bytes that wait in a pipe or socket (FIONREAD). */
  public static int bytesWaiting(int fd) {
    NativeMemory value = scratch();
    check("ioctl", C.ioctl(fd, FIONREAD, value.address()));
    return value.getInt(0);
  }

  /**
   * What was sent and has not left, or was not read by the peer yet (SIOCOUTQ, unix(7), tcp(7)).
   */
  public static int bytesUnsent(int fd) {
    NativeMemory value = scratch();
    check("ioctl", C.ioctl(fd, SIOCOUTQ, value.address()));
    return value.getInt(0);
  }

  /** memfd_create(2). */
  public static int memfdCreate(String name, int flags) {
    return check("memfd_create", C.memfd_create(name, flags));
  }

  /** ftruncate(2). */
  public static void ftruncate(int fd, long length) {
    check("ftruncate", C.ftruncate(fd, length));
  }

  /** mmap(2), readable and writable, shared; the address. */
  static long mmap(int fd, long length) {
    final int protReadWrite = 3;
    final int mapShared = 1;
    long address = C.mmap(null, length, protReadWrite, mapShared, fd, 0);
    if (address == -1) {
      throw new LinuxException("mmap", errno());
    }
    return address;
  }

  static void munmap(long address, long length) {
    check("munmap", C.munmap(address, length));
  }

  /** open(2). */
  public static int open(String path, int flags, int mode) {
    return check("open", C.open(path, flags, mode));
  }

  /** flock(2) without waiting: false when another open file description holds the lock. */
  public static boolean tryLock(int fd) {
    if (C.flock(fd, LOCK_EX | LOCK_NB) == 0) {
      return true;
    }
    return failed("flock", errno()) != AGAIN;
  }

  /** The soft limit on descriptors of this process (RLIMIT_NOFILE). */
  public static long descriptorLimit() {
    NativeMemory limit = scratch();
    check("getrlimit", C.getrlimit(RLIMIT_NOFILE, limit.address()));
    return limit.getLong(0);
  }

  /**
   * The lowest nice value that this process may give without CAP_SYS_NICE (RLIMIT_NICE,
   * getrlimit(2)): 19 to -20.
   */
  public static int lowestNice() {
    NativeMemory limit = scratch();
    check("getrlimit", C.getrlimit(RLIMIT_NICE, limit.address()));
    long soft = limit.getLong(0);
    return soft < 0 || soft > 40 ? -20 : 20 - (int) Math.max(1, soft);
  }

  /**
   * Sets the nice value of one thread, setpriority(2); on Linux each has its own, and new threads
   * take that of the one that makes them.
   *
   * @param tid a thread id; a process id means its first thread
   */
  public static void setNice(int tid, int nice) {
    check("setpriority", C.setpriority(PRIO_PROCESS, tid, nice));
  }

  /** How many descriptors this process has open, as /proc tells. */
  public static long openDescriptors() {
    String[] open = new java.io.File("/proc/self/fd").list();
    return open == null ? 0 : open.length;
  }

  /**
   * CLOCK_BOOTTIME, clock_gettime(2), in nanoseconds: goes on while the machine sleeps, which
   * System.nanoTime() does not.
   */
  public static long bootNanos() {
    NativeMemory time = scratch();
    check("clock_gettime", C.clock_gettime(CLOCK_BOOTTIME, time.address()));
    return time.getLong(0) * 1_000_000_000 + time.getLong(8);
  }

  /** geteuid(2), as an unsigned number. */
  public static long effectiveUid() {
    return C.geteuid() & 0xffffffffL;
  }

  /** getegid(2), as an unsigned number. */
  public static long effectiveGid() {
    return C.getegid() & 0xffffffffL;
  }
}
