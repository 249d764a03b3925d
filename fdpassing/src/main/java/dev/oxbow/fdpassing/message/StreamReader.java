package dev.oxbow.fdpassing.message;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.List;

/**
 * Reads an AF_UNIX stream of which only the bytes are wanted. Descriptors that a peer attaches are
 * received too, and given out to be closed where closing may block: a plain recv(2) or splice(2)
 * would drop them, and the kernel would close them on the calling thread, whatever they are.
 * Allocates nothing unless descriptors come. One thread at a time.
 */
public final class StreamReader {
  private final MessageHeader header = new MessageHeader();

  /**
   * Receives without waiting, recvmsg(2).
   *
   * @param flags MSG_PEEK or 0
   * @return bytes, 0 at the end, or {@link Syscalls#AGAIN}
   */
  public long receive(int socket, long address, long length, int flags) {
    long msghdr = header.forReceiving(address, length);
    return Sockets.recvmsg(socket, msghdr, flags | Sockets.MSG_DONTWAIT | Sockets.MSG_CMSG_CLOEXEC);
  }

  /**
   * Looks at what comes next, without taking it and without receiving descriptors.
   *
   * @return bytes that are there, 0 at the end, or {@link Syscalls#AGAIN}; the last of them came
   *     with descriptors when {@link #truncated()}
   */
  public long peek(int socket, long address, long length) {
    long msghdr = header.forPeeking(address, length);
    return Sockets.recvmsg(socket, msghdr, Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT);
  }

  /** Whether descriptors are with what was peeked at last (MSG_CTRUNC). */
  public boolean truncated() {
    return (header.flags() & Sockets.MSG_CTRUNC) != 0;
  }

  /** Descriptors that came with what was received last; the caller owns them. */
  public List<Descriptor> strays() {
    return header.onlyBytes() ? List.of() : header.received();
  }
}
