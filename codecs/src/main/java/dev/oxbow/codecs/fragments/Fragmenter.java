package dev.oxbow.codecs.fragments;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a packet into fragments: RFC 791 2.3 and 3.2, RFC 8200 4.5. One at a time: {@link #begin} or
 * {@link #begin6}, then {@link #next} for each. Its checksum must be complete: {@link
 * Checksum#fill}.
 */
public final class Fragmenter {
  private static final int MORE = 0x2000;
  private static final int FRAGMENT_BYTES = 8;
  private static final int OPTION_END = 0;
  private static final int OPTION_NOP = 1;

  /** Options with this bit are those of every fragment. */
  private static final int OPTION_COPIED = 0x80;

  private ByteBuffer memory = ByteBuffer.allocate(0);
  private int start;
  private int data;
  private int end;
  private int room;
  private int at;
  private int offset;
  private boolean v4;
  private boolean more;
  private int pointer;
  private int identification;

  /**
   * Takes an IPv4 packet, which must stay as it is until the last fragment. It may be a fragment
   * itself.
   *
   * @param mtu largest packet that may come out, in bytes
   * @return {@link Defect#TOO_BIG} when it says "don't fragment", is IPv6, or when not even a
   *     fragment fits; else null
   */
  public @Nullable Defect begin(PacketView packet, int mtu) {
    if (packet.dontFragment() && packet.length() > mtu) {
      return Defect.TOO_BIG;
    }
    return begin(packet, packet.transport(), packet.headerLength(), mtu);
  }

  /**
   * Takes an IPv6 packet that came in fragments and was put together here; no other may be cut on
   * its way.
   *
   * @param packet without a fragment header
   * @param identification that its fragments had, or another one that is not in use
   */
  public @Nullable Defect begin6(PacketView packet, int identification, int mtu) {
    this.identification = identification;
    int before = unfragmentable(packet);
    return begin(packet, before, before - packet.start() + FRAGMENT_BYTES, mtu);
  }

  private @Nullable Defect begin(PacketView packet, int from, int headers, int mtu) {
    memory = packet.memory();
    start = packet.start();
    end = packet.end();
    v4 = packet.version() == 4;
    data = from;
    at = from;
    offset = packet.fragmentOffset();
    more = packet.moreFragments();
    room = packet.length() <= mtu ? end - from : mtu - headers;
    return room < Math.min(8, end - from) ? Defect.TOO_BIG : null;
  }

  /**
   * Finds where the part ends that every fragment has; the byte that announces the next is left.
   */
  private int unfragmentable(PacketView packet) {
    pointer = packet.start() + 6;
    int position = packet.start() + PacketView.IPV6_BYTES;
    int header = pointer;
    int found = position;
    while (position < packet.transport()) {
      int kind = Bytes.u8(packet.memory(), header);
      header = position;
      position += 8 * (1 + Bytes.u8(packet.memory(), position + 1));
      if (kind == IpProtocol.HOPOPTS || kind == IpProtocol.ROUTING) {
        pointer = header;
        found = position;
      } else if (kind != IpProtocol.DSTOPTS) {
        break;
      }
    }
    return found;
  }

  /** Whether there are more fragments. */
  public boolean hasNext() {
    return at < end;
  }

  /**
   * Writes the next fragment.
   *
   * @param to outside of the packet's bytes
   * @return its length; of a packet that needs no cut, the packet itself
   */
  public int next(ByteBuffer to, int position) {
    // Only the last one may be of another length than a multiple of 8.
    int length = end - at <= room ? end - at : room & ~7;
    boolean last = at + length == end;
    boolean whole = at == data && last;
    int headers = data - start;
    to.put(position, memory, start, headers);
    if (!whole || (v4 && more)) {
      headers = v4 ? write4(to, position, length, last) : write6(to, position, length, last);
    }
    to.put(position + headers, memory, at, length);
    at += length;
    return headers + length;
  }

  private int write4(ByteBuffer to, int position, int length, boolean last) {
    int headers = data - start;
    int at8 = (offset + at - data) / 8;
    Bytes.put16(to, position + 2, headers + length);
    Bytes.put16(to, position + 6, (last && !more ? 0 : MORE) | at8);
    if (at8 != 0 && headers > PacketView.IPV4_BYTES) {
      keepCopied(to, position + PacketView.IPV4_BYTES, position + headers);
    }
    Checksum.fillHeader(to, position);
    return headers;
  }

  /** Blanks the options that only the first fragment has; the header keeps its length. */
  private static void keepCopied(ByteBuffer to, int from, int end) {
    int option = from;
    while (option < end && Bytes.u8(to, option) != OPTION_END) {
      int kind = Bytes.u8(to, option);
      int length = kind == OPTION_NOP ? 1 : Bytes.u8(to, option + 1);
      if ((kind & OPTION_COPIED) == 0) {
        for (int i = 0; i < length; i++) {
          Bytes.put8(to, option + i, OPTION_NOP);
        }
      }
      option += length;
    }
  }

  private int write6(ByteBuffer to, int position, int length, boolean last) {
    int headers = data - start;
    Bytes.put16(to, position + 4, headers + FRAGMENT_BYTES + length - PacketView.IPV6_BYTES);
    Bytes.put8(to, position + pointer - start, IpProtocol.FRAGMENT);
    int header = position + headers;
    Bytes.put16(to, header, Bytes.u8(memory, pointer) << 8);
    Bytes.put16(to, header + 2, (at - data) | (last ? 0 : 1));
    Bytes.put32(to, header + 4, identification);
    return headers + FRAGMENT_BYTES;
  }
}
