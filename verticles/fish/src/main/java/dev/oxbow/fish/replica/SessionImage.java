package dev.oxbow.fish.replica;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One session as it is told to the partner, and kept there; big-endian.
 *
 * <pre>
 *  0 session u32   4 uid u32   8 bytes of app u8   9 bytes of name u8   10 zero
 * 16 app, 64 bytes, the rest of them zero   80 name, 128 bytes, the rest of them zero
 * </pre>
 */
final class SessionImage {

  /** Size. */
  static final int BYTES = 208;

  private static final int APP = 16;
  private static final int NAME = 80;

  private SessionImage() {}

  static void write(ByteBuffer bytes, int at, int slot, SessionName name) {
    bytes.put(at, new byte[BYTES]);
    bytes.putInt(at, slot);
    bytes.putInt(at + 4, (int) name.uid());
    String app = name.app() == null ? "" : name.app();
    bytes.put(at + 8, (byte) app.length()).put(at + 9, (byte) name.name().length());
    bytes.put(at + APP, app.getBytes(US_ASCII)).put(at + NAME, name.name().getBytes(US_ASCII));
  }

  /** Its number in the sender's table. */
  static int slot(ByteBuffer bytes, int at) {
    return bytes.getInt(at);
  }

  static SessionName name(ByteBuffer bytes, int at) {
    String app = text(bytes, at + APP, bytes.get(at + 8) & 0xff);
    String name = text(bytes, at + NAME, bytes.get(at + 9) & 0xff);
    return new SessionName(bytes.getInt(at + 4) & 0xffff_ffffL, app, name == null ? "" : name);
  }

  private static @Nullable String text(ByteBuffer bytes, int at, int length) {
    byte[] text = new byte[length];
    bytes.get(at, text);
    return length == 0 ? null : new String(text, US_ASCII);
  }

  /**
   * Sees to it that it can be one.
   *
   * @param sessions that the sender has room for
   * @throws IllegalArgumentException naming what cannot be
   */
  static void check(ByteBuffer bytes, int at, int sessions) {
    require(slot(bytes, at) >= 0 && slot(bytes, at) < sessions, "number");
    int app = bytes.get(at + 8) & 0xff;
    int name = bytes.get(at + 9) & 0xff;
    require(app <= SessionName.APP_BYTES, "app");
    require(name >= 1 && name <= SessionName.NAME_BYTES, "name");
    require(bytes.getShort(at + 10) == 0 && bytes.getInt(at + 12) == 0, "reserved bytes");
    check(bytes, at + APP, app, SessionName.APP_BYTES, "app");
    check(bytes, at + NAME, name, SessionName.NAME_BYTES, "name");
  }

  private static void check(ByteBuffer bytes, int at, int length, int room, String field) {
    for (int i = 0; i < room; i++) {
      byte each = bytes.get(at + i);
      require(i < length ? each >= ' ' && each <= '~' : each == 0, field);
    }
  }

  private static void require(boolean holds, String field) {
    if (!holds) {
      throw new IllegalArgumentException("a session of the partner's: bad " + field);
    }
  }
}
