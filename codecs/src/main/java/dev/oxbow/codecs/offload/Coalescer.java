package dev.oxbow.codecs.offload;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Joins the packets of a batch into super-packets where consecutive segments of one connection
 * allow it, by the rules of the kernel's GRO (net/ipv4/tcp_offload.c) or stricter ones, which
 * {@link Joints} has. Nothing is copied: a super-packet is a list of pieces for writev(2), of which
 * the first has the virtio_net_hdr and all headers, and the others are payload.
 *
 * <p>Packets of one connection stay in their order; those of others may pass them. For each batch
 * {@link #reset}, {@link #add} for each packet, {@link #finish}; and then, for each group,
 *
 * <pre>
 *   for (int piece = group(n); piece >= 0; piece = next(piece)) { position(piece), length(piece) }
 * </pre>
 */
public final class Coalescer {

  /** Bytes before each packet that the coalescer may write to. */
  public static final int HEADROOM = VirtioNetHeader.BYTES;

  /** Longest super-packet, with its IP header. */
  public static final int MAX_BYTES = 0xffff;

  private static final int NONE = -1;

  private final ByteBuffer memory;
  private final boolean udp;
  private final PacketView head = new PacketView();

  // Of every packet, which is a piece of the group of its own or of another packet's.
  private final int[] positions;
  private final int[] lengths;
  private final int[] nexts;

  // Of packets that are the first of a group.
  private final int[] transports;
  private final int[] lasts;
  private final int[] counts;
  private final int[] payloads;
  private final int[] sizes;
  private final int[] flags;
  private final boolean[] joinable;
  private final boolean[] open;

  private final int[] groups;
  private int packetCount;
  private int groupCount;

  /** By connection, the number of its latest group's first packet and one; 0 is empty. */
  private final int[] latest;

  /**
   * @param memory that the packets of all batches lie in
   * @param capacity packets in a batch at most
   * @param udp whether UDP is joined too: for a tun that has TUN_F_USO4 and TUN_F_USO6 (Linux 6.2)
   */
  public Coalescer(ByteBuffer memory, int capacity, boolean udp) {
    this.memory = memory;
    this.udp = udp;
    this.positions = new int[capacity];
    this.lengths = new int[capacity];
    this.nexts = new int[capacity];
    this.transports = new int[capacity];
    this.lasts = new int[capacity];
    this.counts = new int[capacity];
    this.payloads = new int[capacity];
    this.sizes = new int[capacity];
    this.flags = new int[capacity];
    this.joinable = new boolean[capacity];
    this.open = new boolean[capacity];
    this.groups = new int[capacity];
    this.latest = new int[Integer.highestOneBit(Math.max(1, capacity)) * 4];
  }

  /** Begins a batch; the packets of the one before are forgotten. */
  public void reset() {
    packetCount = 0;
    groupCount = 0;
    Arrays.fill(latest, 0);
  }

  /** Whether the batch is as large as it may be. */
  public boolean isFull() {
    return packetCount == positions.length;
  }

  /** As {@link #add(PacketView, int)}, for a packet that is none to be cut. */
  public void add(PacketView packet) {
    add(packet, 0);
  }

  /**
   * Takes a packet into the batch. Its bytes must stay, and its headers are the coalescer's, until
   * the groups are written; the view may be set on another packet.
   *
   * @param packet parsed without a defect; {@link #HEADROOM} bytes before it are free
   * @param segmentBytes as {@link VirtioNetHeader#segmentBytes} tells when it is a super-packet
   *     already, and stays as it is; else 0
   */
  public void add(PacketView packet, int segmentBytes) {
    int number = packetCount++;
    nexts[number] = NONE;
    boolean joins = segmentBytes == 0 && Joints.joinable(packet, udp);
    if (!packet.hasPorts()) {
      open(number, packet, segmentBytes, false);
      return;
    }
    int slot = slot(packet);
    int group = latest[slot] - 1;
    if (group >= 0 && joins && continues(group, packet)) {
      append(group, number, packet);
    } else {
      open(number, packet, segmentBytes, joins);
      latest[slot] = number + 1;
    }
  }

  private boolean continues(int group, PacketView packet) {
    int more = packet.payloadLength();
    return open[group]
        && more <= sizes[group]
        && headers(packet) + payloads[group] + more <= MAX_BYTES
        && Joints.sameHeaders(packet, positions[group] + HEADROOM, payloads[group], counts[group]);
  }

  private static int headers(PacketView packet) {
    return packet.payload() - packet.start();
  }

  private void open(int number, PacketView packet, int segmentBytes, boolean joins) {
    int at = packet.start() - HEADROOM;
    groups[groupCount++] = number;
    positions[number] = at;
    lengths[number] = HEADROOM + packet.length();
    transports[number] = packet.transport();
    lasts[number] = number;
    counts[number] = 1;
    payloads[number] = packet.payloadLength();
    sizes[number] = packet.payloadLength();
    joinable[number] = joins;
    int told = joins && packet.protocol() == IpProtocol.TCP ? TcpHeader.flags(packet) : 0;
    flags[number] = told;
    open[number] = joins && (told & Joints.CLOSING) == 0;
    if (!joins) {
      VirtioNetHeader.write(memory, at, packet, segmentBytes);
    }
  }

  private void append(int group, int number, PacketView packet) {
    positions[number] = packet.payload();
    lengths[number] = packet.payloadLength();
    nexts[lasts[group]] = number;
    lasts[group] = number;
    counts[group]++;
    payloads[group] += packet.payloadLength();
    if (packet.protocol() == IpProtocol.TCP) {
      flags[group] |= TcpHeader.flags(packet);
    }
    open[group] = packet.payloadLength() == sizes[group] && (flags[group] & Joints.CLOSING) == 0;
  }

  /** The place of a packet's connection in {@link #latest}. */
  private int slot(PacketView packet) {
    long key = packet.sourceLow() * 0x9e3779b97f4a7c15L + packet.sourceHigh();
    key = (key ^ (key >>> 29)) + packet.destinationLow() * 0xbf58476d1ce4e5b9L;
    key += packet.destinationHigh() + Bytes.u32(memory, packet.transport()) * 0x94d049bb133111ebL;
    int slot = (int) (key >>> 33);
    while (true) {
      slot &= latest.length - 1;
      int number = latest[slot] - 1;
      if (number < 0
          || Joints.sameConnection(packet, positions[number] + HEADROOM, transports[number])) {
        return slot;
      }
      slot++;
    }
  }

  /** Ends the batch: writes the headers of all groups. */
  public void finish() {
    for (int n = 0; n < groupCount; n++) {
      int group = groups[n];
      if (joinable[group]) {
        finish(group);
      }
    }
  }

  private void finish(int group) {
    int start = positions[group] + HEADROOM;
    head.parse(memory, start, lengths[group] - HEADROOM);
    int total = headers(head) + payloads[group];
    int transport = total - head.headerLength();
    if (counts[group] > 1) {
      if (head.version() == 4) {
        Bytes.put16(memory, start + 2, total);
        Checksum.fillHeader(memory, start);
      } else {
        Bytes.put16(memory, start + 4, transport);
      }
      if (head.protocol() == IpProtocol.TCP) {
        Bytes.put8(memory, head.transport() + 13, flags[group]);
      } else {
        Bytes.put16(memory, head.transport() + 4, transport);
      }
    }
    // It was found right, so the kernel need not look again.
    head.checksumPartial(true);
    Bytes.put16(memory, head.checksumAt(), Checksum.pseudoHeader(head, transport));
    VirtioNetHeader.write(memory, positions[group], head, counts[group] > 1 ? sizes[group] : 0);
  }

  /** Number of groups, in the order of their first packets. */
  public int groups() {
    return groupCount;
  }

  /** The first piece of a group. */
  public int group(int n) {
    return groups[n];
  }

  /** Number of packets in a group, by its first piece. */
  public int packets(int group) {
    return counts[group];
  }

  /** The piece after a piece, or -1. */
  public int next(int piece) {
    return nexts[piece];
  }

  /** Where a piece lies in the memory; the first of a group with its virtio_net_hdr. */
  public int position(int piece) {
    return positions[piece];
  }

  /** Bytes of a piece. */
  public int length(int piece) {
    return lengths[piece];
  }

  /**
   * Copies a group, where a list of pieces does not do.
   *
   * @param to where {@link #HEADROOM} + {@link #MAX_BYTES} are free
   * @return bytes with the virtio_net_hdr
   */
  public int copy(int group, ByteBuffer to, int at) {
    int end = at;
    for (int piece = group; piece >= 0; piece = nexts[piece]) {
      to.put(end, memory, positions[piece], lengths[piece]);
      end += lengths[piece];
    }
    return end - at;
  }
}
