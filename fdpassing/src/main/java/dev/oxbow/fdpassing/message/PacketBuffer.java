package dev.oxbow.fdpassing.message;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap room for one packet and its SCM_RIGHTS record, used for sendmsg(2) and recvmsg(2). One
 * thread at a time; a loop needs only one for all its channels.
 */
public final class PacketBuffer {

  /** Bytes in one packet at most. */
  public static final int MAX_BYTES = 65_536;

  /** Descriptors with one packet at most: SCM_MAX_FD of include/net/scm.h. */
  public static final int MAX_DESCRIPTORS = MessageHeader.MAX_DESCRIPTORS;

  /** What {@link #receive} saw. */
  public enum Received {
    /** A packet: see {@link #packet()}. */
    PACKET,
    /** The end of the connection, or an empty packet without descriptors: the same to recvmsg. */
    NOTHING,
    /** It would block. */
    AGAIN
  }

  private final MessageHeader header = new MessageHeader();
  private final NativeMemory data = NativeMemory.allocate(MAX_BYTES);
  private @Nullable Packet packet;

  /**
   * Sends one packet. The kernel takes copies of the descriptors; the caller still owns its own.
   *
   * @return false when it would block (EAGAIN)
   * @throws dev.oxbow.fdpassing.libc.LinuxException EPIPE, ECONNRESET, ETOOMANYREFS among others
   */
  public boolean send(int socket, byte[] bytes, List<Descriptor> descriptors) {
    if (bytes.length > MAX_BYTES || descriptors.size() > MAX_DESCRIPTORS) {
      throw new IllegalArgumentException(
          "packet of " + bytes.length + " bytes with " + descriptors.size() + " descriptors");
    }
    data.putBytes(0, bytes, 0, bytes.length);
    long msghdr = header.forSending(data.address(), bytes.length, descriptors);
    return Sockets.sendmsg(socket, msghdr, Sockets.MSG_DONTWAIT) != Syscalls.AGAIN;
  }

  /**
   * Receives one packet without waiting.
   *
   * @throws dev.oxbow.fdpassing.libc.LinuxException ECONNRESET among others
   */
  public Received receive(int socket) {
    packet = null;
    long msghdr = header.forReceiving(data.address(), MAX_BYTES);
    int flags = Sockets.MSG_DONTWAIT | Sockets.MSG_CMSG_CLOEXEC;
    long n = Sockets.recvmsg(socket, msghdr, flags);
    if (n == Syscalls.AGAIN) {
      return Received.AGAIN;
    }
    boolean lost = (header.flags() & Sockets.MSG_CTRUNC) != 0;
    List<Descriptor> descriptors = header.received();
    if (n == 0 && descriptors.isEmpty() && !lost) {
      return Received.NOTHING;
    }
    boolean tooLong = (header.flags() & Sockets.MSG_TRUNC) != 0;
    packet = new Packet(data.bytes(0, (int) n), descriptors, tooLong, lost);
    return Received.PACKET;
  }

  /** What the last {@link #receive} brought; the caller owns its descriptors. */
  public Packet packet() {
    if (packet == null) {
      throw new IllegalStateException("no packet was received");
    }
    return packet;
  }
}
