package dev.oxbow.fdpassing.device;

import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;

/**
 * What the transport must know of a message: who it answers, and whether it is the last. The rest
 * is its reader's matter. A cursor over the datagrams of one socket.
 *
 * <pre>
 * struct nlmsghdr   0 len  4 type  6 flags  8 seq  12 port id
 * struct nlmsgerr  16 error  20 header of the request ...
 * </pre>
 */
final class NetlinkFrame {
  static final int HEADER_BYTES = 16;
  static final int NLM_F_ACK = 0x4;
  static final int NLM_F_DUMP = 0x300;

  private static final int NLM_F_DUMP_INTR = 0x10;
  private static final int NLMSG_ERROR = 2;
  private static final int NLMSG_DONE = 3;

  private final NativeMemory memory;
  private int end;
  private int at;
  private int next;

  NetlinkFrame(NativeMemory memory) {
    this.memory = memory;
  }

  /** Starts over with a datagram of so many bytes. */
  void over(int bytes) {
    end = bytes;
    next = 0;
  }

  boolean next() {
    if (next >= end) {
      return false;
    }
    at = next;
    int length = end - at < HEADER_BYTES ? 0 : memory.getInt(at);
    if (length < HEADER_BYTES || length > end - at) {
      throw new LinuxException("recv", Errno.EBADMSG);
    }
    next = Math.min(end, at + ((length + 3) & ~3));
    return true;
  }

  int start() {
    return at;
  }

  int length() {
    return memory.getInt(at);
  }

  int sequence() {
    return memory.getInt(at + 8);
  }

  /** Whether this message ends the answer to its request. */
  boolean isLast() {
    return type() == NLMSG_ERROR || type() == NLMSG_DONE;
  }

  /** The positive error number of a last message; 0 for success. */
  int errno() {
    if (length() < HEADER_BYTES + Integer.BYTES) {
      return type() == NLMSG_DONE ? 0 : Errno.EBADMSG;
    }
    int error = memory.getInt(at + HEADER_BYTES);
    return error < 0 ? -error : 0;
  }

  /** Whether what a dump went over was changed meanwhile, so that it is not consistent. */
  boolean isInterrupted() {
    return (flags() & NLM_F_DUMP_INTR) != 0;
  }

  private int type() {
    return memory.getInt(at + 4) & 0xffff;
  }

  private int flags() {
    return memory.getInt(at + 4) >>> 16;
  }
}
