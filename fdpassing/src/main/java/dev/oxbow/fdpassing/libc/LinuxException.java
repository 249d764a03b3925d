package dev.oxbow.fdpassing.libc;

/**
 * A system call that failed in a way its caller did not ask to see as a value.
 *
 * <p>Failures of a connection (reset, broken pipe, time-out) carry no stack trace: they are the
 * daily bread of a relay and would cost more than the system calls around them.
 */
public final class LinuxException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final String syscall;
  private final int errno;

  /**
   * @param syscall the name as in section 2 of the manual
   * @param errno the positive error number
   */
  public LinuxException(String syscall, int errno) {
    super(
        syscall + ": " + Errno.name(errno) + " (" + Errno.text(errno) + ")",
        null,
        false,
        !ofConnection(errno));
    this.syscall = syscall;
    this.errno = errno;
  }

  /** The system call's name. */
  public String syscall() {
    return syscall;
  }

  /** The positive error number; see {@link Errno}. */
  public int errno() {
    return errno;
  }

  private static boolean ofConnection(int errno) {
    return errno == Errno.EPIPE
        || errno == Errno.ECONNRESET
        || errno == Errno.ETIMEDOUT
        || errno == Errno.ENOTCONN;
  }
}
