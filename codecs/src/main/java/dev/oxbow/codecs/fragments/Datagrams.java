package dev.oxbow.codecs.fragments;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.PacketView;
import java.nio.ByteBuffer;

/**
 * The memory of a {@link Reassembler}: records of incomplete datagrams, then for each a map of its
 * blocks of 8 bytes, then for each its bytes. All zero is empty. Numbers are in network order.
 *
 * <pre>
 *   record:  0 state u8 (0: free)  1 version u8  2 protocol u8 (IPv4)  3 ECN seen u8
 *            4 identification u32    8 owner u64   16 source, 16 bytes  32 destination, 16 bytes
 *           48 total bytes u32 (0: not known)     52 bytes here u32    56 fragments u32
 *           60 bytes of headers u32 (0: none)     64 deadlineNanos     72..79 reserved
 *   bytes:   10 for a virtio_net_hdr, up to 246 of headers so that they end at 256, 65,536 of data
 * </pre>
 */
final class Datagrams {
  static final int FREE = 0;
  static final int HELD = 1;

  /** What still comes of it is to be discarded: RFC 5722. */
  static final int REFUSED = 2;

  /** Complete and in the hands of the caller. */
  static final int COMPLETE = 3;

  static final int RECORD_BYTES = 80;
  static final int MAP_BYTES = 1024;
  static final int HEADER_ROOM = 256;
  static final int MAX_HEADER = HEADER_ROOM - 10;
  static final int DATA_BYTES = HEADER_ROOM + 0x10000;

  final ByteBuffer memory;
  final int count;
  private final int base;

  Datagrams(ByteBuffer memory, int base, int count) {
    this.memory = memory;
    this.base = base;
    this.count = count;
  }

  static int bytes(int count) {
    return count * (RECORD_BYTES + MAP_BYTES + DATA_BYTES);
  }

  private int record(int slot) {
    return base + slot * RECORD_BYTES;
  }

  private int map(int slot) {
    return base + count * RECORD_BYTES + slot * MAP_BYTES;
  }

  /** Position of the first byte of a datagram's data. */
  int data(int slot) {
    return base + count * (RECORD_BYTES + MAP_BYTES) + slot * DATA_BYTES + HEADER_ROOM;
  }

  /** The datagram that a fragment belongs to, or -1. */
  int find(long owner, PacketView fragment) {
    for (int slot = 0; slot < count; slot++) {
      int at = record(slot);
      if (Bytes.u32(memory, at + 4) == fragment.identification()
          && Bytes.u8(memory, at) != FREE
          && Bytes.u8(memory, at) != COMPLETE
          && same(at, owner, fragment)) {
        return slot;
      }
    }
    return -1;
  }

  private boolean same(int at, long owner, PacketView fragment) {
    return Bytes.u64(memory, at + 8) == owner
        && Bytes.u8(memory, at + 1) == fragment.version()
        && Bytes.u8(memory, at + 2) == protocol(fragment)
        && Bytes.u64(memory, at + 16) == fragment.sourceHigh()
        && Bytes.u64(memory, at + 24) == fragment.sourceLow()
        && Bytes.u64(memory, at + 32) == fragment.destinationHigh()
        && Bytes.u64(memory, at + 40) == fragment.destinationLow();
  }

  /** Part of what names a datagram of IPv4; of IPv6 only the first fragment's counts. */
  private static int protocol(PacketView fragment) {
    return fragment.version() == 4 ? fragment.protocol() : 0;
  }

  void begin(int slot, long owner, PacketView fragment, long deadlineNanos) {
    for (int at = map(slot); at < map(slot) + MAP_BYTES; at += 8) {
      Bytes.put64(memory, at, 0);
    }
    int at = record(slot);
    Bytes.put8(memory, at + 1, fragment.version());
    Bytes.put8(memory, at + 2, protocol(fragment));
    Bytes.put8(memory, at + 3, 0);
    Bytes.put32(memory, at + 4, fragment.identification());
    Bytes.put64(memory, at + 8, owner);
    Bytes.put64(memory, at + 16, fragment.sourceHigh());
    Bytes.put64(memory, at + 24, fragment.sourceLow());
    Bytes.put64(memory, at + 32, fragment.destinationHigh());
    Bytes.put64(memory, at + 40, fragment.destinationLow());
    Bytes.put64(memory, at + 48, 0);
    Bytes.put64(memory, at + 56, 0);
    Bytes.put64(memory, at + 64, deadlineNanos);
    state(slot, HELD);
  }

  int state(int slot) {
    return Bytes.u8(memory, record(slot));
  }

  void state(int slot, int state) {
    Bytes.put8(memory, record(slot), state);
  }

  long owner(int slot) {
    return Bytes.u64(memory, record(slot) + 8);
  }

  long deadlineNanos(int slot) {
    return Bytes.u64(memory, record(slot) + 64);
  }

  /** Bytes of the whole datagram's data, or 0 while the last fragment is not here. */
  int total(int slot) {
    return Bytes.u32(memory, record(slot) + 48);
  }

  void total(int slot, int bytes) {
    Bytes.put32(memory, record(slot) + 48, bytes);
  }

  int here(int slot) {
    return Bytes.u32(memory, record(slot) + 52);
  }

  int fragments(int slot) {
    return Bytes.u32(memory, record(slot) + 56);
  }

  /** Counts a fragment that is kept. */
  void count(int slot, int bytes, int ecn) {
    int at = record(slot);
    Bytes.put32(memory, at + 52, here(slot) + bytes);
    Bytes.put32(memory, at + 56, fragments(slot) + 1);
    Bytes.put8(memory, at + 3, Bytes.u8(memory, at + 3) | 1 << ecn);
  }

  void forgetFragments(int slot) {
    Bytes.put32(memory, record(slot) + 56, 0);
  }

  /** Bit n: some fragment had ECN bits n. */
  int ecn(int slot) {
    return Bytes.u8(memory, record(slot) + 3);
  }

  /** Bytes of headers that precede the data, or 0 while the first fragment is not here. */
  int headerBytes(int slot) {
    return Bytes.u32(memory, record(slot) + 60);
  }

  /** Copies the headers of the first fragment to where they precede the data. */
  void header(int slot, PacketView first) {
    boolean v4 = first.version() == 4;
    int length = v4 ? first.headerLength() : first.fragmentHeader() - first.start();
    int at = data(slot) - length;
    memory.put(at, first.memory(), first.start(), length);
    if (!v4) {
      int next = Bytes.u8(first.memory(), first.fragmentHeader());
      Bytes.put8(memory, at + first.fragmentPointer() - first.start(), next);
    }
    Bytes.put32(memory, record(slot) + 60, length);
  }

  /** Data from a block on up to a number of bytes. */
  private static int blocks(int bytes) {
    return (bytes + 7) / 8;
  }

  /** How many blocks of a range are here. */
  int blocksHere(int slot, int offset, int bytes) {
    int end = offset / 8 + blocks(bytes);
    int found = 0;
    for (int block = offset / 8; block < end; ) {
      long mask = mask(block, end);
      found += Long.bitCount(Bytes.u64(memory, word(slot, block)) & mask);
      block = (block | 63) + 1;
    }
    return found;
  }

  /** Notes that the blocks of a range are here. */
  void mark(int slot, int offset, int bytes) {
    int end = offset / 8 + blocks(bytes);
    for (int block = offset / 8; block < end; ) {
      int word = word(slot, block);
      Bytes.put64(memory, word, Bytes.u64(memory, word) | mask(block, end));
      block = (block | 63) + 1;
    }
  }

  private int word(int slot, int block) {
    return map(slot) + block / 64 * 8;
  }

  /** Bits of the blocks from one on to an end, or to the end of its word. */
  private static long mask(int block, int end) {
    long from = -1L << (block & 63);
    int left = end - (block & ~63);
    return left >= 64 ? from : from & ~(-1L << left);
  }

  /** Whether any block is here from an offset on. */
  boolean anyFrom(int slot, int offset) {
    return blocksHere(slot, offset, 0x10000 - offset) != 0;
  }

  /** Whether the bytes of a fragment are those that are here. */
  boolean equal(int slot, PacketView fragment) {
    ByteBuffer other = fragment.memory();
    int mine = data(slot) + fragment.fragmentOffset();
    int at = fragment.transport();
    int end = fragment.end();
    for (; at <= end - 8; at += 8, mine += 8) {
      if (Bytes.u64(memory, mine) != Bytes.u64(other, at)) {
        return false;
      }
    }
    for (; at < end; at++, mine++) {
      if (memory.get(mine) != other.get(at)) {
        return false;
      }
    }
    return true;
  }

  /** Whether this fragment may not be the first one: its headers do not fit here. */
  static boolean headersTooLong(PacketView fragment) {
    return fragment.version() == 6 && fragment.fragmentHeader() - fragment.start() > MAX_HEADER;
  }
}
