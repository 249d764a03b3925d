package dev.oxbow.fdpassing.libc;

import static dev.oxbow.fdpassing.libc.Errno.EINTR;
import static dev.oxbow.fdpassing.libc.Syscalls.errno;

/**
 * System calls that take several pieces of memory or several messages at once. EINTR is retried;
 * any other failure is a value, the negated error number, because packets fail one by one and for
 * reasons that their senders choose. Any thread.
 *
 * <pre>
 * struct iovec (16 bytes)    0 base u64   8 length u64
 * struct mmsghdr (64 bytes)  0 name u64   8 name length u32   16 iovec u64   24 iovec count u64
 *                           32 control u64   40 control length u64   48 flags u32
 *                           56 bytes of the message u32
 * </pre>
 */
public final class Vectors {

  /** Size of struct iovec. */
  public static final int IOVEC_BYTES = 16;

  /** Size of struct mmsghdr. */
  public static final int MMSGHDR_BYTES = 64;

  public static final int MMSG_IOVEC = 16;
  public static final int MMSG_IOVEC_COUNT = 24;
  public static final int MMSG_CONTROL_LENGTH = 40;
  public static final int MMSG_FLAGS = 48;
  public static final int MMSG_LENGTH = 56;

  /** Pieces in one call at most (include/uapi/linux/uio.h). */
  public static final int UIO_MAXIOV = 1024;

  /** Never wait, whatever the descriptor's flags say (include/uapi/linux/fs.h). */
  private static final int RWF_NOWAIT = 0x8;

  private static final LibC C = LibC.INSTANCE;

  private Vectors() {}

  /** readv(2): bytes or the negated error number. */
  public static long readv(int fd, long iovecs, int count) {
    while (true) {
      long n = C.readv(fd, iovecs, count);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return -errno;
      }
    }
  }

  /** writev(2): bytes or the negated error number. */
  public static long writev(int fd, long iovecs, int count) {
    while (true) {
      long n = C.writev(fd, iovecs, count);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return -errno;
      }
    }
  }

  /**
   * preadv2(2) at the current position and without waiting: bytes or the negated error number.
   * EOPNOTSUPP where the driver cannot promise not to wait: for a tun before Linux 6.4.
   */
  public static long readNow(int fd, long iovecs, int count) {
    while (true) {
      long n = C.preadv2(fd, iovecs, count, -1, RWF_NOWAIT);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return -errno;
      }
    }
  }

  /** pwritev2(2), as {@link #readNow}. */
  public static long writeNow(int fd, long iovecs, int count) {
    while (true) {
      long n = C.pwritev2(fd, iovecs, count, -1, RWF_NOWAIT);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return -errno;
      }
    }
  }

  /** recvmmsg(2) without waiting: messages or the negated error number. */
  public static int recvmmsg(int fd, long messages, int count) {
    while (true) {
      int n = C.recvmmsg(fd, messages, count, Sockets.MSG_DONTWAIT, 0);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return -errno;
      }
    }
  }

  /** sendmmsg(2) without waiting and without SIGPIPE: messages or the negated error number. */
  public static int sendmmsg(int fd, long messages, int count) {
    while (true) {
      int n = C.sendmmsg(fd, messages, count, Sockets.MSG_DONTWAIT | Sockets.MSG_NOSIGNAL);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return -errno;
      }
    }
  }
}
