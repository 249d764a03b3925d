package dev.oxbow.codecs.ip;

import static dev.oxbow.codecs.ip.PacketView.IPV4_BYTES;
import static dev.oxbow.codecs.ip.PacketView.IPV6_BYTES;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** From the first byte of a packet to its transport: RFC 791, RFC 8200 and RFC 4302. */
final class IpHeaders {

  /** More extension headers than this have no use but to keep us busy. */
  static final int MAX_EXTENSIONS = 8;

  private static final int OPTION_END = 0;
  private static final int OPTION_NOP = 1;
  private static final int OPTION_LSRR = 131;
  private static final int OPTION_SSRR = 137;

  private IpHeaders() {}

  /**
   * Fills in the view.
   *
   * @param available bytes from its start
   * @param quoted by an ICMP error: may be cut, and routers changed its header on the way
   */
  static @Nullable Defect parse4(PacketView view, int available, boolean quoted) {
    ByteBuffer memory = view.memory;
    int start = view.start;
    if (available < IPV4_BYTES) {
      return Defect.TRUNCATED;
    }
    int header = (Bytes.u8(memory, start) & 0x0f) * 4;
    int total = Bytes.u16(memory, start + 2);
    if (header < IPV4_BYTES || total < header) {
      return Defect.BAD_HEADER;
    }
    if (header > available || (total > available && !quoted)) {
      return Defect.TRUNCATED;
    }
    if (!quoted && Checksum.of(memory, start, header) != 0) {
      return Defect.BAD_CHECKSUM;
    }
    int fragment = Bytes.u16(memory, start + 6);
    view.fragmentOffset = (fragment & 0x1fff) * 8;
    view.moreFragments = (fragment & 0x2000) != 0;
    view.protocol = Bytes.u8(memory, start + 9);
    view.transport = start + header;
    view.end = start + Math.min(total, available);
    return header > IPV4_BYTES && !quoted
        ? checkOptions(memory, start + IPV4_BYTES, start + header)
        : null;
  }

  private static @Nullable Defect checkOptions(ByteBuffer memory, int from, int end) {
    int at = from;
    while (at < end) {
      int option = Bytes.u8(memory, at);
      if (option == OPTION_END) {
        return null;
      }
      if (option == OPTION_NOP) {
        at++;
        continue;
      }
      int length = at + 1 < end ? Bytes.u8(memory, at + 1) : 0;
      if (length < 2 || length > end - at) {
        return Defect.BAD_HEADER;
      }
      if (option == OPTION_LSRR || option == OPTION_SSRR) {
        return Defect.SOURCE_ROUTE;
      }
      at += length;
    }
    return null;
  }

  /** As {@link #parse4}. */
  static @Nullable Defect parse6(PacketView view, int available, boolean quoted) {
    ByteBuffer memory = view.memory;
    int start = view.start;
    if (available < IPV6_BYTES) {
      return Defect.TRUNCATED;
    }
    int total = IPV6_BYTES + Bytes.u16(memory, start + 4);
    if (total > available && !quoted) {
      return Defect.TRUNCATED;
    }
    view.end = start + Math.min(total, available);
    view.protocol = Bytes.u8(memory, start + 6);
    view.transport = start + IPV6_BYTES;
    int pointer = start + 6;
    for (int i = 0; isExtension(view.protocol); i++) {
      int at = view.transport;
      if (i == MAX_EXTENSIONS) {
        return Defect.BAD_HEADER;
      }
      if (view.end - at < 8) {
        return Defect.TRUNCATED;
      }
      Defect defect = enter(view, i, pointer);
      if (defect != null) {
        return defect;
      }
      if (view.transport > view.end) {
        return Defect.TRUNCATED;
      }
      if (view.isFragment()) {
        return null;
      }
      pointer = at;
    }
    return null;
  }

  private static boolean isExtension(int protocol) {
    return switch (protocol) {
      case IpProtocol.HOPOPTS,
          IpProtocol.ROUTING,
          IpProtocol.FRAGMENT,
          IpProtocol.AH,
          IpProtocol.DSTOPTS ->
          true;
      default -> false;
    };
  }

  /** Goes past one extension header, of which 8 bytes are there. */
  private static @Nullable Defect enter(PacketView view, int index, int pointer) {
    ByteBuffer memory = view.memory;
    int at = view.transport;
    int length = 8 * (1 + Bytes.u8(memory, at + 1));
    switch (view.protocol) {
      case IpProtocol.HOPOPTS -> {
        if (index != 0) {
          return Defect.BAD_HEADER;
        }
      }
      case IpProtocol.ROUTING -> {
        // The checksum is made with the last stop's address, which is not the one in the header.
        if (Bytes.u8(memory, at + 3) != 0) {
          return Defect.SOURCE_ROUTE;
        }
      }
      case IpProtocol.AH -> {
        length = 4 * (2 + Bytes.u8(memory, at + 1));
        view.authenticated = true;
      }
      case IpProtocol.FRAGMENT -> {
        if (view.fragmentHeader >= 0) {
          return Defect.BAD_HEADER;
        }
        length = 8;
        int fragment = Bytes.u16(memory, at + 2);
        view.fragmentOffset = fragment & 0xfff8;
        view.moreFragments = (fragment & 1) != 0;
        view.fragmentHeader = at;
        view.fragmentPointer = pointer;
      }
      default -> {}
    }
    view.protocol = Bytes.u8(memory, at);
    view.transport = at + length;
    return null;
  }
}
