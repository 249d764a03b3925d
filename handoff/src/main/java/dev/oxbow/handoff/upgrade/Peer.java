package dev.oxbow.handoff.upgrade;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Processes;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;

/** The process at the other end, named by a pidfd, so that no other can be taken for it. */
final class Peer implements AutoCloseable {
  private final long pid;
  private final long uid;
  private final Descriptor pidfd;

  private Peer(long pid, long uid, Descriptor pidfd) {
    this.pid = pid;
    this.uid = uid;
    this.pidfd = pidfd;
  }

  /** Who connected. */
  static Peer of(int connection) {
    int[] credentials = Sockets.peerCredentials(connection);
    return new Peer(
        credentials[0],
        credentials[1] & 0xffffffffL,
        Descriptor.adopt(Processes.peerPidfd(connection)));
  }

  /**
   * Who introduced itself with a pidfd of its own: to who connects, a listener that was handed over
   * has the credentials of the process that made it (SO_PEERCRED, unix(7)).
   */
  static Peer of(long pid, Descriptor pidfd) {
    return new Peer(pid, Syscalls.effectiveUid(), pidfd);
  }

  /** A pidfd of this process, to introduce itself with. */
  static Descriptor self() {
    return Descriptor.adopt(Processes.pidfdOpen(ProcessHandle.current().pid()));
  }

  long pid() {
    return pid;
  }

  long uid() {
    return uid;
  }

  /** Whether this process may end it: without that nobody could take over from it safely. */
  boolean canBeSignalled() {
    try {
      return Processes.signal(pidfd.fd(), 0);
    } catch (LinuxException e) {
      return false;
    }
  }

  /** Whether it ends within so many milliseconds; a dead process that nobody reaped has ended. */
  boolean endsWithin(int timeoutMs) {
    long until = System.nanoTime() + timeoutMs * 1_000_000L;
    while (true) {
      long left = Math.max(0, (until - System.nanoTime() + 999_999) / 1_000_000);
      if (Sockets.poll(pidfd.fd(), Sockets.POLLIN, (int) left) != 0) {
        return true;
      }
      if (left == 0) {
        return false;
      }
    }
  }

  /**
   * Ends it, and comes back when it has ended.
   *
   * @throws IllegalStateException when the kernel does not end it: nobody may take over then
   */
  void kill() {
    Processes.signal(pidfd.fd(), Processes.SIGKILL);
    if (!endsWithin(10_000)) {
      throw new IllegalStateException("process " + pid + " does not end though it was killed");
    }
  }

  /** Sends it SIGTERM. */
  void terminate() {
    Processes.signal(pidfd.fd(), Processes.SIGTERM);
  }

  @Override
  public void close() {
    pidfd.close();
  }

  @Override
  public String toString() {
    return "process " + pid;
  }
}
