package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.libc.Vectors;

/**
 * A descriptor that carries a packet per message, a socket or a tun. Never waits, whatever the
 * flags of the open file description say, since others share them. Loop thread only.
 */
final class FlowPort {
  private final int fd;
  private final boolean socket;
  private final int longest;
  private final NativeMemory vector = NativeMemory.allocate(Vectors.IOVEC_BYTES);
  private final NativeMemory message = NativeMemory.allocate(Vectors.MMSGHDR_BYTES);

  /**
   * @param longest packet that is received, in bytes
   */
  FlowPort(int fd, boolean socket, int longest) {
    this.fd = fd;
    this.socket = socket;
    this.longest = longest;
    message.putLong(Vectors.MMSG_IOVEC, vector.address());
    message.putLong(Vectors.MMSG_IOVEC_COUNT, 1);
  }

  /** Takes packets: how many, or the negated error number. */
  int receive(PacketBatch into) {
    return socket ? into.receive(fd, longest) : into.read(fd, longest);
  }

  /** Gives one packet: 1, or the negated error number. */
  int send(long address, int bytes) {
    vector.putLong(0, address);
    vector.putLong(8, bytes);
    if (socket) {
      return Vectors.sendmmsg(fd, message.address(), 1);
    }
    long n = Vectors.writeNow(fd, vector.address(), 1);
    return n < 0 ? (int) n : 1;
  }

  /** Whether nothing is left to be received, once the other end is closed. */
  boolean drained() {
    return Syscalls.bytesWaiting(fd) == 0;
  }
}
