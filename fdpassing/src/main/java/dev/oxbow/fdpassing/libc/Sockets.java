package dev.oxbow.fdpassing.libc;

import static dev.oxbow.fdpassing.libc.Errno.EINTR;
import static dev.oxbow.fdpassing.libc.Syscalls.check;
import static dev.oxbow.fdpassing.libc.Syscalls.errno;
import static dev.oxbow.fdpassing.libc.Syscalls.failed;
import static dev.oxbow.fdpassing.libc.Syscalls.scratch;

/**
 * System calls on sockets, in the manner of {@link Syscalls}: EINTR is retried, {@link
 * Syscalls#AGAIN} and end of stream are values, the rest is thrown. Any thread.
 */
public final class Sockets {

  // include/linux/socket.h
  public static final int AF_UNIX = 1;
  public static final int AF_INET = 2;
  public static final int AF_INET6 = 10;
  public static final int SOCK_STREAM = 1;
  public static final int SOCK_DGRAM = 2;
  public static final int SOCK_SEQPACKET = 5;
  public static final int SOCK_NONBLOCK = Syscalls.O_NONBLOCK;
  public static final int SOCK_CLOEXEC = Syscalls.O_CLOEXEC;
  public static final int SOL_SOCKET = 1;
  public static final int IPPROTO_TCP = 6;
  public static final int SOL_TCP = 6;
  public static final int SCM_RIGHTS = 1;
  public static final int SHUT_WR = 1;
  public static final int SHUT_RDWR = 2;
  public static final int MSG_CTRUNC = 0x8;
  public static final int MSG_TRUNC = 0x20;
  public static final int MSG_PEEK = 0x2;
  public static final int MSG_DONTWAIT = 0x40;
  public static final int MSG_NOSIGNAL = 0x4000;
  public static final int MSG_CMSG_CLOEXEC = 0x40000000;

  // include/uapi/asm-generic/poll.h
  public static final int POLLIN = 0x1;
  public static final int POLLOUT = 0x4;
  public static final int POLLERR = 0x8;
  public static final int POLLHUP = 0x10;
  public static final int POLLRDHUP = 0x2000;

  // include/uapi/asm-generic/socket.h
  public static final int SO_TYPE = 3;
  public static final int SO_ERROR = 4;
  public static final int SO_SNDBUF = 7;
  public static final int SO_LINGER = 13;
  public static final int SO_PEERCRED = 17;
  public static final int SO_ACCEPTCONN = 30;
  public static final int SO_PROTOCOL = 38;
  public static final int SO_DOMAIN = 39;
  public static final int SO_COOKIE = 57;
  public static final int SO_PEERGROUPS = 59;

  // include/uapi/linux/tcp.h
  public static final int TCP_INFO = 11;
  public static final int TCP_ULP = 31;

  private static final LibC C = LibC.INSTANCE;
  private static final int ADDRESS_BYTES = 128;

  private Sockets() {}

  /** recv(2): bytes read, 0 at the end of the stream, or {@link Syscalls#AGAIN}. */
  public static long recv(int fd, long address, long length, int flags) {
    while (true) {
      long n = C.recv(fd, address, length, flags);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("recv", errno);
      }
    }
  }

  /** send(2), without SIGPIPE: bytes taken or {@link Syscalls#AGAIN}. */
  public static long send(int fd, long address, long length, int flags) {
    while (true) {
      long n = C.send(fd, address, length, flags | MSG_NOSIGNAL);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("send", errno);
      }
    }
  }

  /** recvmsg(2) into a msghdr at an address: bytes, 0, or {@link Syscalls#AGAIN}. */
  public static long recvmsg(int fd, long msghdr, int flags) {
    while (true) {
      long n = C.recvmsg(fd, msghdr, flags);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("recvmsg", errno);
      }
    }
  }

  /** sendmsg(2) of a msghdr at an address, without SIGPIPE: bytes or {@link Syscalls#AGAIN}. */
  public static long sendmsg(int fd, long msghdr, int flags) {
    while (true) {
      long n = C.sendmsg(fd, msghdr, flags | MSG_NOSIGNAL);
      if (n >= 0) {
        return n;
      }
      int errno = errno();
      if (errno != EINTR) {
        return failed("sendmsg", errno);
      }
    }
  }

  /** accept4(2), non-blocking and close-on-exec: the new descriptor or -1 (EAGAIN). */
  public static int accept(int fd) {
    while (true) {
      int accepted = C.accept4(fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted >= 0) {
        return accepted;
      }
      int errno = errno();
      if (errno != EINTR && errno != Errno.ECONNABORTED) {
        return (int) failed("accept4", errno);
      }
    }
  }

  /** socket(2), close-on-exec; {@code type} may contain {@link #SOCK_NONBLOCK}. */
  public static int socket(int domain, int type) {
    return socket(domain, type, 0);
  }

  /** socket(2), close-on-exec, of a certain protocol of its domain. */
  public static int socket(int domain, int type, int protocol) {
    return check("socket", C.socket(domain, type | SOCK_CLOEXEC, protocol));
  }

  /**
   * bind(2).
   *
   * @param sockaddr a struct sockaddr, as {@link #localAddress} returns it
   */
  public static void bind(int fd, byte[] sockaddr) {
    NativeMemory memory = scratch();
    memory.putBytes(0, sockaddr, 0, sockaddr.length);
    check("bind", C.bind(fd, memory.address(), sockaddr.length));
  }

  /** listen(2). */
  public static void listen(int fd, int backlog) {
    check("listen", C.listen(fd, backlog));
  }

  /**
   * connect(2); EINTR and EINPROGRESS leave the attempt running.
   *
   * @param sockaddr a struct sockaddr, as {@link #localAddress} returns it
   * @return whether the connection stands; else it will be writable, and SO_ERROR tells how it went
   */
  public static boolean connect(int fd, byte[] sockaddr) {
    NativeMemory memory = scratch();
    memory.putBytes(0, sockaddr, 0, sockaddr.length);
    if (C.connect(fd, memory.address(), sockaddr.length) == 0) {
      return true;
    }
    int errno = errno();
    if (errno != EINTR && errno != Errno.EINPROGRESS) {
      throw new LinuxException("connect", errno);
    }
    return false;
  }

  /**
   * poll(2) of one descriptor.
   *
   * @param events what to wait for, POLLIN and the like
   * @param timeoutMs 0 to only look, negative for no limit
   * @return the bits that came true; 0 after the time limit or a signal
   */
  public static int poll(int fd, int events, int timeoutMs) {
    NativeMemory memory = scratch();
    memory.putInt(0, fd);
    memory.putInt(4, events);
    if (C.poll(memory.address(), 1, timeoutMs) < 0) {
      int errno = errno();
      if (errno != EINTR) {
        throw new LinuxException("poll", errno);
      }
      return 0;
    }
    return memory.getInt(4) >>> 16;
  }

  /** socketpair(2): one end in the lower half of the result, the other in the upper. */
  public static long socketpair(int domain, int type) {
    NativeMemory fds = scratch();
    check("socketpair", C.socketpair(domain, type | SOCK_CLOEXEC, 0, fds.address()));
    return ((long) fds.getInt(4) << 32) | (fds.getInt(0) & 0xffffffffL);
  }

  /** shutdown(2); a socket whose connection has gone meanwhile (ENOTCONN) is no failure. */
  public static void shutdown(int fd, int how) {
    if (C.shutdown(fd, how) < 0 && errno() != Errno.ENOTCONN) {
      throw new LinuxException("shutdown", errno());
    }
  }

  /** getsockopt(2) of an int; throws {@link LinuxException}, ENOTSOCK among others. */
  public static int option(int fd, int level, int option) {
    NativeMemory memory = scratch();
    memory.putInt(0, 0);
    memory.putInt(8, 4);
    check("getsockopt", C.getsockopt(fd, level, option, memory.address(), memory.address() + 8));
    return memory.getInt(0);
  }

  /** getsockopt(2) of an int: the negated error number where it fails. */
  public static int tryOption(int fd, int level, int option) {
    NativeMemory memory = scratch();
    memory.putInt(0, 0);
    memory.putInt(8, 4);
    int result = C.getsockopt(fd, level, option, memory.address(), memory.address() + 8);
    return result < 0 ? -errno() : memory.getInt(0);
  }

  /** setsockopt(2) of an int. */
  public static void setOption(int fd, int level, int option, int value) {
    NativeMemory memory = scratch();
    memory.putInt(0, value);
    check("setsockopt", C.setsockopt(fd, level, option, memory.address(), 4));
  }

  /** A number that names this socket and no other while the kernel runs (SO_COOKIE). */
  public static long cookie(int fd) {
    NativeMemory memory = scratch();
    memory.putInt(8, 8);
    check(
        "getsockopt",
        C.getsockopt(fd, SOL_SOCKET, SO_COOKIE, memory.address(), memory.address() + 8));
    return memory.getLong(0);
  }

  /**
   * Sets SO_LINGER, socket(7): with {@code reset} a close aborts the connection (linger of 0
   * seconds), else a close never waits. True if it could be set.
   */
  public static boolean linger(int fd, boolean reset) {
    NativeMemory memory = scratch();
    memory.putInt(0, reset ? 1 : 0);
    memory.putInt(4, 0);
    return C.setsockopt(fd, SOL_SOCKET, SO_LINGER, memory.address(), 8) == 0;
  }

  /** SO_PEERCRED, unix(7): pid, uid and gid of who connected or made the pair. */
  public static int[] peerCredentials(int fd) {
    NativeMemory memory = scratch();
    memory.putInt(16, 12);
    check(
        "getsockopt",
        C.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, memory.address(), memory.address() + 16));
    return new int[] {memory.getInt(0), memory.getInt(4), memory.getInt(8)};
  }

  /** SO_PEERGROUPS, unix(7): supplementary groups of the peer. */
  public static int[] peerGroups(int fd) {
    int room = 480;
    NativeMemory memory = scratch();
    int result = peerGroups(fd, memory, room);
    if (result < 0 && memory.getInt(room) > room) {
      // ERANGE, with the room that they need: a user may have 65,536 of them.
      int wanted = memory.getInt(room);
      memory = NativeMemory.allocate(wanted + Integer.BYTES);
      room = wanted;
      result = peerGroups(fd, memory, room);
    }
    int[] groups = new int[result < 0 ? 0 : memory.getInt(room) / 4];
    for (int i = 0; i < groups.length; i++) {
      groups[i] = memory.getInt(4 * i);
    }
    return groups;
  }

  /** The length stands behind the room. */
  private static int peerGroups(int fd, NativeMemory memory, int room) {
    memory.putInt(room, room);
    return C.getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, memory.address(), memory.address() + room);
  }

  /** The name of the upper-layer protocol on a TCP socket (TCP_ULP), such as "tls"; else "". */
  public static String upperLayer(int fd) {
    final int room = 16;
    NativeMemory memory = scratch();
    memory.putInt(room, room);
    if (C.getsockopt(fd, SOL_TCP, TCP_ULP, memory.address(), memory.address() + room) < 0) {
      return "";
    }
    int length = 0;
    while (length < memory.getInt(room) && memory.getByte(length) != 0) {
      length++;
    }
    return new String(memory.bytes(0, length), java.nio.charset.StandardCharsets.US_ASCII);
  }

  /**
   * Fills a block with struct tcp_info (include/uapi/linux/tcp.h) and returns how many bytes this
   * kernel knows of it; 0 for a socket that is not TCP.
   */
  public static int tcpInfo(int fd, NativeMemory into) {
    NativeMemory length = scratch();
    length.putInt(0, into.size());
    if (C.getsockopt(fd, SOL_TCP, TCP_INFO, into.address(), length.address()) < 0) {
      return 0;
    }
    return length.getInt(0);
  }

  /** getsockname(2), raw: a struct sockaddr. */
  public static byte[] localAddress(int fd) {
    NativeMemory memory = scratch();
    memory.putInt(ADDRESS_BYTES, ADDRESS_BYTES);
    check("getsockname", C.getsockname(fd, memory.address(), memory.address() + ADDRESS_BYTES));
    return memory.bytes(0, Math.min(ADDRESS_BYTES, memory.getInt(ADDRESS_BYTES)));
  }

  /** getpeername(2), raw: a struct sockaddr; ENOTCONN is thrown. */
  public static byte[] peerAddress(int fd) {
    NativeMemory memory = scratch();
    memory.putInt(ADDRESS_BYTES, ADDRESS_BYTES);
    check("getpeername", C.getpeername(fd, memory.address(), memory.address() + ADDRESS_BYTES));
    return memory.bytes(0, Math.min(ADDRESS_BYTES, memory.getInt(ADDRESS_BYTES)));
  }
}
