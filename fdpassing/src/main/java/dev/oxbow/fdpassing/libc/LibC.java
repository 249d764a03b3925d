package dev.oxbow.fdpassing.libc;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.Variadic;
import org.jspecify.annotations.Nullable;

/**
 * Raw signatures. Addresses and sizes are plain {@code long}s and nothing is an object, because
 * jnr-ffi compiles such calls to its cheapest stubs (about 50 ns above the same call in C). Six
 * arguments need a {@link Pointer} among them: jnr-ffi 2.3.3 compiles six numbers to a stub that
 * passes anything as the sixth (seen with strace on x86-64); with a pointer it takes another way
 * that is as fast.
 *
 * <p>Public only because jnr-ffi implements it in a class loader of its own: call {@link Syscalls}
 * and {@link Sockets}.
 */
@SuppressWarnings({"checkstyle:MethodName", "MethodName", "MemberName"})
public interface LibC {

  LibC INSTANCE = LibraryLoader.create(LibC.class).load("c");

  Runtime RUNTIME = Runtime.getRuntime(INSTANCE);

  int close(int fd);

  long read(int fd, long buffer, long length);

  long write(int fd, long buffer, long length);

  long pread(int fd, long buffer, long length, long offset);

  int pipe2(long fds, int flags);

  /** Offsets are always null; as {@code long}s the flags would arrive garbled. */
  long splice(
      int in,
      @Nullable Pointer offsetIn,
      int out,
      @Nullable Pointer offsetOut,
      long len,
      int flags);

  long tee(int in, int out, long length, int flags);

  @Variadic(fixedCount = 2)
  int fcntl(int fd, int command, long argument);

  @Variadic(fixedCount = 2)
  int ioctl(int fd, long request, long argument);

  int memfd_create(String name, int flags);

  int ftruncate(int fd, long length);

  /** The address is always null; as a {@code long} the offset would arrive garbled. */
  long mmap(@Nullable Pointer address, long length, int protection, int flags, int fd, long offset);

  int munmap(long address, long length);

  int flock(int fd, int operation);

  int open(String path, int flags, int mode);

  int getsockopt(int fd, int level, int option, long value, long length);

  int setsockopt(int fd, int level, int option, long value, int length);

  int getsockname(int fd, long address, long length);

  int getpeername(int fd, long address, long length);

  int accept4(int fd, long address, long length, int flags);

  int socket(int domain, int type, int protocol);

  int bind(int fd, long address, int length);

  int listen(int fd, int backlog);

  int connect(int fd, long address, int length);

  int poll(long fds, long count, int timeoutMs);

  int socketpair(int domain, int type, int protocol, long fds);

  int shutdown(int fd, int how);

  long recv(int fd, long buffer, long length, int flags);

  long send(int fd, long buffer, long length, int flags);

  long recvmsg(int fd, long message, int flags);

  long sendmsg(int fd, long message, int flags);

  long preadv2(int fd, long vector, int count, long offset, int flags);

  long pwritev2(int fd, long vector, int count, long offset, int flags);

  long readv(int fd, long vector, int count);

  long writev(int fd, long vector, int count);

  int recvmmsg(int fd, long messages, int count, int flags, long timeout);

  int sendmmsg(int fd, long messages, int count, int flags);

  int unshare(int flags);

  int setns(int fd, int type);

  int getrlimit(int resource, long limit);

  /** For calls that older C libraries have no name for. */
  @Variadic(fixedCount = 1)
  long syscall(long number, long first, long second, long third, long fourth);

  /** With a fifth argument, a number too; as a {@code long} it would arrive garbled. */
  @Variadic(fixedCount = 1)
  long syscall(
      long number, long first, long second, long third, long fourth, @Nullable Pointer fifth);

  int clock_gettime(int clock, long timespec);

  int kill(int pid, int signal);

  int setpriority(int which, int who, int priority);

  int geteuid();

  int getegid();

  String strerror(int errno);
}
