package dev.oxbow.fdpassing.libc;

import jnr.ffi.Pointer;

/**
 * System calls on other processes, by descriptors that name them whatever becomes of their numbers:
 * pidfd_open(2). Any thread.
 */
public final class Processes {

  // include/uapi/asm-generic/signal.h
  public static final int SIGTERM = 15;
  public static final int SIGKILL = 9;

  // include/uapi/asm-generic/unistd.h
  private static final long PIDFD_SEND_SIGNAL = 424;
  private static final long PIDFD_OPEN = 434;

  // arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/linux/kcmp.h
  private static final long EXIT_GROUP = 231;
  private static final long KCMP = 312;
  private static final long KCMP_FILE = 0;

  // include/uapi/asm-generic/socket.h; Linux 6.5
  private static final int SO_PEERPIDFD = 77;

  private static final LibC C = LibC.INSTANCE;

  private Processes() {}

  /** pidfd_open(2): a descriptor, close-on-exec, that becomes readable when the process ends. */
  public static int pidfdOpen(long pid) {
    return (int) checked("pidfd_open", C.syscall(PIDFD_OPEN, pid, 0, 0, 0));
  }

  /**
   * A pidfd of the process at the other end of an AF_UNIX connection (SO_PEERPIDFD); on kernels
   * that cannot say, of the process that has its pid now.
   */
  public static int peerPidfd(int socket) {
    int pidfd = Sockets.tryOption(socket, Sockets.SOL_SOCKET, SO_PEERPIDFD);
    if (pidfd == -Errno.ENOPROTOOPT) {
      return pidfdOpen(Sockets.peerCredentials(socket)[0]);
    }
    if (pidfd < 0) {
      throw new LinuxException("getsockopt", -pidfd);
    }
    return pidfd;
  }

  /**
   * pidfd_send_signal(2).
   *
   * @param signal 0 only asks whether it may be sent
   * @return false when the process has ended already
   */
  public static boolean signal(int pidfd, int signal) {
    if (C.syscall(PIDFD_SEND_SIGNAL, pidfd, signal, 0, 0) == 0) {
      return true;
    }
    int errno = Syscalls.errno();
    if (errno == Errno.ESRCH) {
      return false;
    }
    throw new LinuxException("pidfd_send_signal", errno);
  }

  /**
   * exit_group(2): ends this process at once. {@link Runtime#halt} gives threads that are in native
   * code, such as all event loops, 300 ms to come out of it (HotSpot: {@code
   * VM_Exit::wait_for_threads_in_native_to_block}), in which every descriptor stays open.
   */
  public static void exit(int status) {
    C.syscall(EXIT_GROUP, status, 0, 0, 0);
  }

  /** kill(2) of this process itself: a fault that a test asks for. */
  public static void signalSelf(int signal) {
    Syscalls.check("kill", C.kill((int) ProcessHandle.current().pid(), signal));
  }

  /**
   * Whether two descriptors of this process lead to the same open file description, kcmp(2).
   *
   * @throws LinuxException named {@code kcmp} ENOSYS, on a kernel without CONFIG_KCMP
   */
  public static boolean sameOpenFile(int a, int b) {
    long self = ProcessHandle.current().pid();
    Pointer second = Pointer.wrap(LibC.RUNTIME, b);
    return checked("kcmp", C.syscall(KCMP, self, self, KCMP_FILE, a, second)) == 0;
  }

  private static long checked(String syscall, long result) {
    if (result < 0) {
      throw new LinuxException(syscall, Syscalls.errno());
    }
    return result;
  }
}
