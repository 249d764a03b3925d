package dev.oxbow.codecs.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A cursor over the attributes of a message or of a nested attribute, in place. A length that lies
 * and a value of the wrong size are refused with {@link NetlinkException}, which names the
 * attribute by its number. Flags in the type (nested, network order) are masked, as the kernel
 * does.
 */
public final class Attributes {
  private ByteBuffer in = ByteBuffer.allocate(0);
  private int next;
  private int end;
  private int type;
  private int offset;
  private int length;

  /** Starts over a range of a buffer in native order, both bounds absolute. */
  public Attributes over(ByteBuffer buffer, int from, int to) {
    in = buffer;
    next = from;
    end = to;
    return this;
  }

  /** Goes to the next attribute; false behind the last. */
  public boolean next() {
    int left = end - next;
    if (left <= 0) {
      return false;
    }
    if (left < NetlinkWriter.NLA_HEADER_BYTES) {
      throw new NetlinkException(left + " bytes are no nlattr");
    }
    int whole = in.getShort(next) & 0xffff;
    type = in.getShort(next + 2) & NetlinkWriter.NLA_TYPE_MASK;
    if (whole < NetlinkWriter.NLA_HEADER_BYTES || whole > left) {
      throw new NetlinkException("nla_len " + whole + " of attribute " + type + " in " + left);
    }
    offset = next + NetlinkWriter.NLA_HEADER_BYTES;
    length = whole - NetlinkWriter.NLA_HEADER_BYTES;
    next = Math.min(end, next + ((whole + 3) & ~3));
    return true;
  }

  /** nla_type without its flags. */
  public int type() {
    return type;
  }

  /** Where the value begins, absolute in the buffer. */
  public int offset() {
    return offset;
  }

  /** Bytes of the value, without padding. */
  public int length() {
    return length;
  }

  /** The value, one byte. */
  public int u8() {
    return in.get(value(1)) & 0xff;
  }

  /** The value, two bytes in native order. */
  public int u16() {
    return in.getShort(value(2)) & 0xffff;
  }

  /** The value, four bytes in native order. */
  public int u32() {
    return in.getInt(value(4));
  }

  /** The value, eight bytes in native order. */
  public long u64() {
    return in.getLong(value(8));
  }

  /** The value, two bytes, big-endian. */
  public int be16() {
    int at = value(2);
    return (in.get(at) & 0xff) << 8 | (in.get(at + 1) & 0xff);
  }

  /** The value, four bytes, big-endian. */
  public int be32() {
    int native32 = in.getInt(value(4));
    return in.order() == ByteOrder.BIG_ENDIAN ? native32 : Integer.reverseBytes(native32);
  }

  /** The value, eight bytes, big-endian. */
  public long be64() {
    long native64 = in.getLong(value(8));
    return in.order() == ByteOrder.BIG_ENDIAN ? native64 : Long.reverseBytes(native64);
  }

  /** A copy of the value. */
  public byte[] bytes() {
    byte[] copy = new byte[length];
    in.get(offset, copy);
    return copy;
  }

  /** The value as text, up to its first zero. */
  public String string() {
    int until = 0;
    while (until < length && in.get(offset + until) != 0) {
      until++;
    }
    byte[] text = new byte[until];
    in.get(offset, text);
    return new String(text, StandardCharsets.UTF_8);
  }

  /** Puts another cursor before the first attribute that this one holds. */
  public Attributes nested(Attributes cursor) {
    return cursor.over(in, offset, offset + length);
  }

  /** Refuses a value that is shorter than its type; a longer one is a newer kernel's. */
  private int value(int bytes) {
    if (length < bytes) {
      throw new NetlinkException(
          "attribute " + type + " has " + length + " bytes; " + bytes + " are needed");
    }
    return offset;
  }
}
