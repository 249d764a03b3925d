package dev.oxbow.codecs.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Walks over the messages of a datagram, in place. See {@link NetlinkWriter} for the layout.
 *
 * <p>A length that lies is refused with {@link NetlinkException}; nothing outside of the range that
 * was given is ever read.
 */
public final class NetlinkReader {

  // include/uapi/linux/netlink.h
  public static final int NLMSG_NOOP = 1;
  public static final int NLMSG_ERROR = 2;
  public static final int NLMSG_DONE = 3;

  private ByteBuffer in = ByteBuffer.allocate(0);
  private int next;
  private int end;
  private int at;
  private int messageEnd;

  /**
   * Starts over.
   *
   * @param buffer read from its position to its limit; neither moves; its order becomes the native
   *     one
   */
  public NetlinkReader over(ByteBuffer buffer) {
    in = buffer.order(ByteOrder.nativeOrder());
    next = buffer.position();
    end = buffer.limit();
    at = next;
    messageEnd = next;
    return this;
  }

  /** Goes to the next message; false behind the last. */
  public boolean next() {
    if (next >= end) {
      return false;
    }
    int left = end - next;
    if (left < NetlinkWriter.HEADER_BYTES) {
      throw new NetlinkException(left + " bytes are no nlmsghdr");
    }
    int length = in.getInt(next);
    if (length < NetlinkWriter.HEADER_BYTES || length > left) {
      throw new NetlinkException(
          "nlmsg_len " + Integer.toUnsignedString(length) + " of " + left + " bytes");
    }
    at = next;
    messageEnd = at + length;
    // The last one may lack its padding.
    next = (int) Math.min(end, at + ((length + 3L) & ~3L));
    return true;
  }

  /** nlmsg_type of this message. */
  public int type() {
    return in.getShort(at + 4) & 0xffff;
  }

  /** nlmsg_flags. */
  public int flags() {
    return in.getShort(at + 6) & 0xffff;
  }

  /** nlmsg_seq: that of the request it answers; 0 for an event. */
  public int sequence() {
    return in.getInt(at + 8);
  }

  /** The memory that {@link #bodyOffset()} and all readers' offsets refer to. */
  public ByteBuffer buffer() {
    return in;
  }

  /** Where the fixed part begins, absolute in the buffer. */
  public int bodyOffset() {
    return at + NetlinkWriter.HEADER_BYTES;
  }

  /** Where the message ends, absolute in the buffer. */
  public int bodyEnd() {
    return messageEnd;
  }

  /**
   * The fixed part: refuses a message that is shorter.
   *
   * @param struct its name, for the message of the exception
   * @return where it begins
   */
  int body(String struct, int bytes) {
    int length = messageEnd - bodyOffset();
    if (length < bytes) {
      throw new NetlinkException(struct + " of " + length + " bytes; " + bytes + " are needed");
    }
    return bodyOffset();
  }

  /** Puts a cursor before the first attribute, behind a fixed part of so many bytes. */
  public Attributes attributes(Attributes cursor, int fixedBytes) {
    int from = bodyOffset() + ((fixedBytes + 3) & ~3);
    return cursor.over(in, Math.min(from, messageEnd), messageEnd);
  }
}
