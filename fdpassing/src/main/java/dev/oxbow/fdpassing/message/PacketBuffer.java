package dev.oxbow.fdpassing.message;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap room for one packet and its SCM_RIGHTS record, used for sendmsg(2) and recvmsg(2). One
 * thread at a time; a loop needs only one for all its channels.
 *
 * <pre>
 * struct msghdr   0 name  8 namelen  16 iov  24 iovlen  32 control  40 controllen  48 flags
 * struct iovec   56 base 64 len
 * struct cmsghdr 72 len  80 level  84 type  88 descriptors ...
 * </pre>
 */
public final class PacketBuffer {

  /** Bytes in one packet at most. */
  public static final int MAX_BYTES = 65_536;

  /** Descriptors with one packet at most: SCM_MAX_FD of include/net/scm.h. */
  public static final int MAX_DESCRIPTORS = 253;

  /** What {@link #receive} saw. */
  public enum Received {
    /** A packet: see {@link #packet()}. */
    PACKET,
    /** The end of the connection, or an empty packet without descriptors: the same to recvmsg. */
    NOTHING,
    /** It would block. */
    AGAIN
  }

  private static final int IOV = 56;
  private static final int CONTROL = 72;
  private static final int CONTROL_HEADER_BYTES = 16;
  private static final int CONTROL_BYTES = CONTROL_HEADER_BYTES + 4 * MAX_DESCRIPTORS + 4;
  private static final int DATA = CONTROL + CONTROL_BYTES + 8;

  private final NativeMemory memory = NativeMemory.allocate(DATA + MAX_BYTES);
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
    memory.putBytes(DATA, bytes, 0, bytes.length);
    int control = 0;
    if (!descriptors.isEmpty()) {
      control = CONTROL_HEADER_BYTES + 4 * descriptors.size();
      memory.putLong(CONTROL, control);
      memory.putInt(CONTROL + 8, Sockets.SOL_SOCKET);
      memory.putInt(CONTROL + 12, Sockets.SCM_RIGHTS);
      for (int i = 0; i < descriptors.size(); i++) {
        memory.putInt(CONTROL + CONTROL_HEADER_BYTES + 4 * i, descriptors.get(i).fd());
      }
    }
    header(bytes.length, control == 0 ? 0 : (control + 7) & ~7);
    return Sockets.sendmsg(socket, memory.address(), Sockets.MSG_DONTWAIT) != Syscalls.AGAIN;
  }

  /**
   * Receives one packet without waiting.
   *
   * @throws dev.oxbow.fdpassing.libc.LinuxException ECONNRESET among others
   */
  public Received receive(int socket) {
    packet = null;
    header(MAX_BYTES, CONTROL_BYTES);
    int flags = Sockets.MSG_DONTWAIT | Sockets.MSG_CMSG_CLOEXEC;
    long n = Sockets.recvmsg(socket, memory.address(), flags);
    if (n == Syscalls.AGAIN) {
      return Received.AGAIN;
    }
    int result = memory.getInt(48);
    boolean lost = (result & Sockets.MSG_CTRUNC) != 0;
    List<Descriptor> descriptors = installed((int) memory.getLong(40));
    if (n == 0 && descriptors.isEmpty() && !lost) {
      return Received.NOTHING;
    }
    if (lost) {
      Descriptor.closeAll(descriptors);
      descriptors = List.of();
    }
    boolean tooLong = (result & Sockets.MSG_TRUNC) != 0;
    packet = new Packet(memory.bytes(DATA, (int) n), descriptors, tooLong, lost);
    return Received.PACKET;
  }

  /** What the last {@link #receive} brought; the caller owns its descriptors. */
  public Packet packet() {
    if (packet == null) {
      throw new IllegalStateException("no packet was received");
    }
    return packet;
  }

  private List<Descriptor> installed(int controlBytes) {
    List<Descriptor> descriptors = List.of();
    int at = CONTROL;
    int end = CONTROL + controlBytes;
    while (at + CONTROL_HEADER_BYTES <= end) {
      int length = (int) memory.getLong(at);
      boolean rights =
          memory.getInt(at + 8) == Sockets.SOL_SOCKET
              && memory.getInt(at + 12) == Sockets.SCM_RIGHTS;
      if (rights && length > CONTROL_HEADER_BYTES) {
        descriptors = descriptors.isEmpty() ? new ArrayList<>() : descriptors;
        for (int fd = at + CONTROL_HEADER_BYTES; fd + 4 <= at + length; fd += 4) {
          descriptors.add(Descriptor.adopt(memory.getInt(fd)));
        }
      }
      at += Math.max(CONTROL_HEADER_BYTES, (length + 7) & ~7);
    }
    return descriptors;
  }

  private void header(int dataBytes, int controlBytes) {
    memory.putLong(0, 0);
    memory.putLong(8, 0);
    memory.putLong(16, memory.address() + IOV);
    memory.putLong(24, 1);
    memory.putLong(32, controlBytes == 0 ? 0 : memory.address() + CONTROL);
    memory.putLong(40, controlBytes);
    memory.putLong(48, 0);
    memory.putLong(IOV, memory.address() + DATA);
    memory.putLong(IOV + 8, dataBytes);
  }
}
