package dev.oxbow.fdpassing.descriptor;

import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The owner of a descriptor. Three verbs: {@link #adopt} makes a number ours, {@link #close} ends
 * it, {@link #release} gives the number away and leaves this object dead. Thread-safe: of several
 * threads that close or release exactly one does it.
 */
public final class Descriptor implements AutoCloseable {
  private static final int GONE = -1;

  private final AtomicInteger fd;

  private Descriptor(int fd) {
    this.fd = new AtomicInteger(fd);
  }

  /**
   * Takes ownership of an open descriptor.
   *
   * @param fd its number, not negative
   */
  public static Descriptor adopt(int fd) {
    if (fd < 0) {
      throw new IllegalArgumentException("not a descriptor: " + fd);
    }
    return new Descriptor(fd);
  }

  /** A second descriptor of the same open file description, close-on-exec (F_DUPFD_CLOEXEC). */
  public Descriptor duplicate() {
    return adopt(Syscalls.fcntl(fd(), Syscalls.F_DUPFD_CLOEXEC, 3));
  }

  /**
   * The number, for a system call; still owned by this object.
   *
   * @throws IllegalStateException when it was closed or released
   */
  public int fd() {
    int number = fd.get();
    if (number == GONE) {
      throw new IllegalStateException("descriptor was closed or given away");
    }
    return number;
  }

  /** Whether this object still owns a descriptor. */
  public boolean isOpen() {
    return fd.get() != GONE;
  }

  /**
   * Gives the number away: the caller owns it from here on.
   *
   * @throws IllegalStateException when it was closed or released before
   */
  public int release() {
    int number = fd.getAndSet(GONE);
    if (number == GONE) {
      throw new IllegalStateException("descriptor was closed or given away");
    }
    return number;
  }

  /** Closes the descriptor unless that was done or it was given away. */
  @Override
  public void close() {
    int number = fd.getAndSet(GONE);
    if (number != GONE) {
      Syscalls.close(number);
    }
  }

  /** Closes all of them. */
  public static void closeAll(Iterable<Descriptor> descriptors) {
    for (Descriptor descriptor : descriptors) {
      descriptor.close();
    }
  }

  @Override
  public String toString() {
    int number = fd.get();
    return number == GONE ? "descriptor(gone)" : "descriptor(" + number + ")";
  }
}
