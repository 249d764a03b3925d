package dev.oxbow.codecs.netlink;

import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Writes messages one behind another into a buffer: header, fixed part, attributes. Whoever sends
 * them sets the sequence number.
 *
 * <pre>
 * struct nlmsghdr   0 len  4 type  6 flags  8 seq  12 port id
 * struct nlattr     0 len  2 type (0x8000: nested)  4 value ... padded to 4
 * </pre>
 *
 * <p>What does not fit is refused with {@link BufferOverflowException}; {@link #undo()} then takes
 * the unfinished message back.
 */
public final class NetlinkWriter {

  /** Bytes of struct nlmsghdr. */
  public static final int HEADER_BYTES = 16;

  // include/uapi/linux/netlink.h
  public static final int NLM_F_REQUEST = 0x1;
  public static final int NLM_F_MULTI = 0x2;
  public static final int NLM_F_ACK = 0x4;
  public static final int NLM_F_ECHO = 0x8;
  public static final int NLM_F_DUMP = 0x300;
  public static final int NLM_F_REPLACE = 0x100;
  public static final int NLM_F_EXCL = 0x200;
  public static final int NLM_F_CREATE = 0x400;
  static final int NLA_F_NESTED = 0x8000;
  static final int NLA_TYPE_MASK = 0x3fff;
  static final int NLA_HEADER_BYTES = 4;
  private static final int NLA_MAX_BYTES = 0xffff;

  private final ByteBuffer out;
  private int start;

  /**
   * @param out written from its position on, up to its limit; its order becomes the native one. The
   *     position is always the end of what was written.
   */
  public NetlinkWriter(ByteBuffer out) {
    this.out = out.order(ByteOrder.nativeOrder());
    this.start = out.position();
  }

  /** Starts a message; its length follows with {@link #end()}. */
  public NetlinkWriter begin(int type, int flags) {
    start = out.position();
    out.putInt(0).putShort((short) type).putShort((short) flags).putInt(0).putInt(0);
    return this;
  }

  /** Finishes the message that was begun and returns its length in bytes, a multiple of 4. */
  public int end() {
    int length = out.position() - start;
    out.putInt(start, length);
    return length;
  }

  /** Takes the message back that was begun last. */
  public void undo() {
    out.position(start);
  }

  /** One byte of the fixed part. */
  public NetlinkWriter putByte(int value) {
    out.put((byte) value);
    return this;
  }

  /** Two bytes of the fixed part, native order. */
  public NetlinkWriter putShort(int value) {
    out.putShort((short) value);
    return this;
  }

  /** Four bytes of the fixed part, native order. */
  public NetlinkWriter putInt(int value) {
    out.putInt(value);
    return this;
  }

  /** Zeros in the fixed part. */
  public NetlinkWriter zeros(int bytes) {
    for (int i = 0; i < bytes; i++) {
      out.put((byte) 0);
    }
    return this;
  }

  /** An attribute of one byte. */
  public NetlinkWriter u8(int type, int value) {
    head(type, 1);
    out.put((byte) value);
    return zeros(3);
  }

  /** An attribute of two bytes, native order. */
  public NetlinkWriter u16(int type, int value) {
    head(type, 2);
    out.putShort((short) value);
    return zeros(2);
  }

  /** An attribute of four bytes, native order. */
  public NetlinkWriter u32(int type, int value) {
    head(type, 4);
    out.putInt(value);
    return this;
  }

  /** An attribute of two bytes, big-endian. */
  public NetlinkWriter be16(int type, int value) {
    head(type, 2);
    out.put((byte) (value >>> 8)).put((byte) value);
    return zeros(2);
  }

  /** An attribute of four bytes, big-endian. */
  public NetlinkWriter be32(int type, int value) {
    head(type, 4);
    out.putInt(out.order() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value));
    return this;
  }

  /** An attribute of two bytes, one after the other. */
  public NetlinkWriter pair(int type, int first, int second) {
    head(type, 2);
    out.put((byte) first).put((byte) second);
    return zeros(2);
  }

  /** An attribute that is an IPv6 address. */
  public NetlinkWriter address6(int type, long high, long low) {
    head(type, 16);
    boolean big = out.order() == ByteOrder.BIG_ENDIAN;
    out.putLong(big ? high : Long.reverseBytes(high));
    out.putLong(big ? low : Long.reverseBytes(low));
    return this;
  }

  /** An attribute of raw bytes. */
  public NetlinkWriter bytes(int type, byte[] value) {
    head(type, value.length);
    out.put(value);
    return zeros(-value.length & 3);
  }

  /** An attribute of raw bytes that are copied from another buffer; its position stays. */
  public NetlinkWriter bytes(int type, ByteBuffer from, int offset, int length) {
    head(type, length);
    if (out.remaining() < length) {
      throw new BufferOverflowException();
    }
    out.put(out.position(), from, offset, length);
    out.position(out.position() + length);
    return zeros(-length & 3);
  }

  /** An attribute that is a text with a zero behind it. */
  public NetlinkWriter string(int type, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    head(type, bytes.length + 1);
    out.put(bytes).put((byte) 0);
    return zeros(-(bytes.length + 1) & 3);
  }

  /**
   * Starts an attribute that holds attributes.
   *
   * @return to be given to {@link #endNest}
   */
  public int nest(int type) {
    int nest = out.position();
    head(type | NLA_F_NESTED, 0);
    return nest;
  }

  /** Finishes what {@link #nest} started. */
  public NetlinkWriter endNest(int nest) {
    int length = out.position() - nest;
    if (length > NLA_MAX_BYTES) {
      throw new NetlinkException("attribute of " + length + " bytes; " + NLA_MAX_BYTES + " fit");
    }
    out.putShort(nest, (short) length);
    return this;
  }

  private void head(int type, int valueBytes) {
    if (valueBytes > NLA_MAX_BYTES - NLA_HEADER_BYTES) {
      throw new NetlinkException("attribute " + (type & NLA_TYPE_MASK) + " of " + valueBytes);
    }
    out.putShort((short) (NLA_HEADER_BYTES + valueBytes)).putShort((short) type);
  }
}
