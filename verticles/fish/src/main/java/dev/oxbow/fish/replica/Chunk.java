package dev.oxbow.fish.replica;

import java.nio.ByteBuffer;

/**
 * One message of a Fish to its partner about its connections; big-endian. A round is all that
 * follows a {@link #BEGIN}: all connections once, then {@link #COMPLETE}, then what changes.
 *
 * <pre>
 *  0 version u8 (1)   1 lowest version that a reader must know u8   2 kind u8   3 zero
 *  4 count u32        8 round u64        16 sequence u32, from 0 in each round        20 zero
 * 24 begin:    flows u32, sessions u32: numbers that there can be (count 1)
 *    sessions: of each a {@link SessionImage}
 *    over:     of each session its number u32
 *    flows:    of each a {@link FlowImage}
 *    ends:     of each flow its number u32
 *    soon:     ms u32: for so long it may be silent, and is not lost (count 1)
 *    complete, again: nothing (count 0)
 * </pre>
 */
final class Chunk {
  static final int VERSION = 1;
  static final int HEADER_BYTES = 24;

  /** Flows in one at most. */
  static final int FLOWS_MOST = 256;

  /** Everything begins anew: what is not told again until it is complete is over. */
  static final int BEGIN = 1;

  static final int SESSIONS = 2;
  static final int OVER = 3;
  static final int FLOWS = 4;
  static final int ENDS = 5;

  /** All was told that there was. */
  static final int COMPLETE = 6;

  /** Of the receiver: something was missing, everything once more, please. */
  static final int AGAIN = 7;

  /** Of a sender whose successor takes its place. */
  static final int SOON = 8;

  private Chunk() {}

  /** Bytes of one entry. */
  static int entryBytes(int kind) {
    return switch (kind) {
      case BEGIN -> 2 * Integer.BYTES;
      case SESSIONS -> SessionImage.BYTES;
      case FLOWS -> FlowImage.BYTES;
      case OVER, ENDS, SOON -> Integer.BYTES;
      default -> 0;
    };
  }

  /** Entries in one at most. */
  static int most(int kind) {
    return switch (kind) {
      case BEGIN, SOON -> 1;
      case SESSIONS -> 64;
      case FLOWS -> FLOWS_MOST;
      case OVER, ENDS -> 1024;
      default -> 0;
    };
  }

  /** Writes the header of one whose entries are behind it. */
  static void header(ByteBuffer out, int kind, int count, long round, int sequence) {
    out.put(0, (byte) VERSION).put(1, (byte) VERSION).put(2, (byte) kind).put(3, (byte) 0);
    out.putInt(4, count).putLong(8, round).putInt(16, sequence).putInt(20, 0);
  }

  /**
   * One without entries.
   *
   * @param sequence of those of its sender; 0 of an {@link #AGAIN}
   */
  static byte[] bare(int kind, long round, int sequence) {
    ByteBuffer out = ByteBuffer.allocate(HEADER_BYTES);
    header(out, kind, 0, round, sequence);
    return out.array();
  }

  /**
   * Sees to it that bytes are one, but for what is in its entries.
   *
   * @throws IllegalArgumentException saying what is wrong with them
   */
  static void check(ByteBuffer in) {
    int length = in.limit();
    if (length < HEADER_BYTES) {
      throw new IllegalArgumentException("a chunk of connections ends after " + length + " bytes");
    }
    int version = in.get(0) & 0xff;
    int lowest = in.get(1) & 0xff;
    if (lowest > VERSION || version == 0) {
      throw new IllegalArgumentException(
          String.format(
              "a chunk of connections of version %d, readable from version %d on; this process"
                  + " knows %d",
              version, lowest, VERSION));
    }
    int kind = kind(in);
    if (kind < BEGIN || kind > SOON) {
      throw new IllegalArgumentException("a chunk of connections of kind " + kind);
    }
    int count = count(in);
    if (count < 0 || count > most(kind) || (count == 0 && (kind == BEGIN || kind == SOON))) {
      throw new IllegalArgumentException("a chunk of kind " + kind + " with " + count + " entries");
    }
    if (in.get(3) != 0 || in.getInt(20) != 0) {
      throw new IllegalArgumentException(
          "a chunk of connections whose reserved bytes are not zero");
    }
    int expected = HEADER_BYTES + count * entryBytes(kind);
    if (length != expected) {
      throw new IllegalArgumentException(
          String.format(
              "a chunk of kind %d with %d entries has %d bytes, and not %d",
              kind, count, length, expected));
    }
  }

  static int kind(ByteBuffer in) {
    return in.get(2);
  }

  static int count(ByteBuffer in) {
    return in.getInt(4);
  }

  static long round(ByteBuffer in) {
    return in.getLong(8);
  }

  static int sequence(ByteBuffer in) {
    return in.getInt(16);
  }

  /** Where an entry begins. */
  static int entry(int kind, int index) {
    return HEADER_BYTES + index * entryBytes(kind);
  }

  /** One that grows: entries of one kind, in memory that is used again and again. */
  static final class Filling {
    private final int kind;
    private final ByteBuffer bytes;
    private int count;

    Filling(int kind) {
      this.kind = kind;
      this.bytes = ByteBuffer.allocate(HEADER_BYTES + most(kind) * entryBytes(kind));
    }

    boolean isFull() {
      return count == most(kind);
    }

    boolean isEmpty() {
      return count == 0;
    }

    ByteBuffer bytes() {
      return bytes;
    }

    /** Where another entry is to be written. */
    int add() {
      return entry(kind, count++);
    }

    void clear() {
      count = 0;
    }

    /** The message, which is a copy; nothing is in this one afterwards. */
    byte[] take(long round, int sequence) {
      header(bytes, kind, count, round, sequence);
      byte[] message = new byte[entry(kind, count)];
      bytes.get(0, message);
      count = 0;
      return message;
    }
  }
}
