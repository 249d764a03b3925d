package dev.oxbow.fdpassing.message;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import java.util.ArrayList;
import java.util.List;

/**
 * Off-heap struct msghdr with one iovec and room for one SCM_RIGHTS record of any size. One thread
 * at a time.
 *
 * <pre>
 * struct msghdr   0 name  8 namelen  16 iov  24 iovlen  32 control  40 controllen  48 flags
 * struct iovec   56 base 64 len
 * struct cmsghdr 72 len  80 level  84 type  88 descriptors ...
 * </pre>
 */
final class MessageHeader {

  /** Descriptors with one message at most: SCM_MAX_FD of include/net/scm.h. */
  static final int MAX_DESCRIPTORS = 253;

  private static final int IOV = 56;
  private static final int CONTROL = 72;
  private static final int CONTROL_HEADER_BYTES = 16;
  private static final int CONTROL_BYTES = CONTROL_HEADER_BYTES + 4 * MAX_DESCRIPTORS + 4;

  private final NativeMemory memory = NativeMemory.allocate(CONTROL + CONTROL_BYTES);

  /** Prepares to receive into the given memory, with room for all descriptors. */
  long forReceiving(long data, long length) {
    return fill(data, length, CONTROL_BYTES);
  }

  /** Prepares to look at bytes only: descriptors are not received, MSG_CTRUNC tells of them. */
  long forPeeking(long data, long length) {
    return fill(data, length, 0);
  }

  /** Prepares to send from the given memory, with descriptors. */
  long forSending(long data, long length, List<Descriptor> descriptors) {
    if (descriptors.isEmpty()) {
      return fill(data, length, 0);
    }
    int control = CONTROL_HEADER_BYTES + 4 * descriptors.size();
    memory.putLong(CONTROL, control);
    memory.putInt(CONTROL + 8, Sockets.SOL_SOCKET);
    memory.putInt(CONTROL + 12, Sockets.SCM_RIGHTS);
    for (int i = 0; i < descriptors.size(); i++) {
      memory.putInt(CONTROL + CONTROL_HEADER_BYTES + 4 * i, descriptors.get(i).fd());
    }
    return fill(data, length, (control + 7) & ~7);
  }

  /** The flags of what was received: MSG_TRUNC, MSG_CTRUNC. */
  int flags() {
    return memory.getInt(48);
  }

  /** The descriptors that came; the caller owns them. */
  List<Descriptor> received() {
    List<Descriptor> descriptors = List.of();
    int at = CONTROL;
    int end = CONTROL + (int) memory.getLong(40);
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

  /** Whether nothing but bytes came. */
  boolean onlyBytes() {
    return memory.getLong(40) == 0;
  }

  private long fill(long data, long length, int controlBytes) {
    memory.putLong(0, 0);
    memory.putLong(8, 0);
    memory.putLong(16, memory.address() + IOV);
    memory.putLong(24, 1);
    memory.putLong(32, controlBytes == 0 ? 0 : memory.address() + CONTROL);
    memory.putLong(40, controlBytes);
    memory.putLong(48, 0);
    memory.putLong(IOV, data);
    memory.putLong(IOV + 8, length);
    return memory.address();
  }
}
