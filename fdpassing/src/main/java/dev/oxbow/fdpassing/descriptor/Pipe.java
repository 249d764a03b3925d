package dev.oxbow.fdpassing.descriptor;

import dev.oxbow.fdpassing.libc.Syscalls;

/**
 * A pipe that never blocks, pipe(7), for bytes on their way from one socket to another.
 *
 * @param readEnd owned by this pipe
 * @param writeEnd owned by this pipe
 * @param capacity in bytes, as the kernel granted it
 */
public record Pipe(Descriptor readEnd, Descriptor writeEnd, int capacity) {

  /**
   * Makes a pipe, as large as asked for if the kernel allows it (fs.pipe-max-size,
   * fs.pipe-user-pages-soft), else as large as it comes.
   *
   * @throws dev.oxbow.fdpassing.libc.LinuxException EMFILE or ENFILE when no descriptor is left
   */
  public static Pipe open(int wantedCapacity) {
    long ends = Syscalls.pipe2(Syscalls.O_NONBLOCK | Syscalls.O_CLOEXEC);
    Descriptor readEnd = Descriptor.adopt((int) ends);
    Descriptor writeEnd = Descriptor.adopt((int) (ends >>> 32));
    return adopt(readEnd, writeEnd).grow(wantedCapacity);
  }

  /** Takes over both ends of an existing pipe. */
  public static Pipe adopt(Descriptor readEnd, Descriptor writeEnd) {
    int capacity = Syscalls.fcntl(writeEnd.fd(), Syscalls.F_GETPIPE_SZ, 0);
    return new Pipe(readEnd, writeEnd, capacity);
  }

  /** The same pipe with at least the wanted capacity where the kernel allows it. */
  public Pipe grow(int wantedCapacity) {
    if (wantedCapacity <= capacity) {
      return this;
    }
    int granted = Syscalls.tryFcntl(writeEnd.fd(), Syscalls.F_SETPIPE_SZ, wantedCapacity);
    return granted < 0 ? this : new Pipe(readEnd, writeEnd, granted);
  }

  /** The same pipe with at most the wanted capacity, unless it holds more. */
  public Pipe shrink(int wantedCapacity) {
    if (wantedCapacity >= capacity) {
      return this;
    }
    int granted = Syscalls.tryFcntl(writeEnd.fd(), Syscalls.F_SETPIPE_SZ, wantedCapacity);
    return granted < 0 ? this : new Pipe(readEnd, writeEnd, granted);
  }

  /** Closes both ends; what the pipe held is lost. */
  public void close() {
    readEnd.close();
    writeEnd.close();
  }
}
