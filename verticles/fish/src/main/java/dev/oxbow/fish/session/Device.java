package dev.oxbow.fish.session;

import dev.oxbow.codecs.fragments.Fragmenter;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.offload.Coalescer;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fish.network.Offloads;
import dev.oxbow.service.flow.Bench;
import dev.oxbow.service.flow.FlowPort;
import dev.oxbow.service.flow.Outbox;
import java.nio.ByteBuffer;

/**
 * Packets into the tun, and out of it. Those of a batch that follow one another in a connection go
 * as one super-packet where the tun takes them, so that the kernel forwards and translates them
 * once. Loop thread only.
 */
final class Device {
  private static final int ROOM = Bench.HEAD_BYTES;
  private static final int PACKET_BYTES = 0x10000;

  private final FlowPort port;
  private final Bench bench = new Bench();
  private final Coalescer coalescer;
  private final Outbox out = new Outbox();
  private final NativeMemory area = NativeMemory.allocate(ROOM + PACKET_BYTES);
  private final ByteBuffer piece = area.view();
  private final Fragmenter fragmenter = new Fragmenter();
  private int refused;

  /**
   * @param tun stays its owner's
   */
  Device(int tun, Offloads offloads) {
    this.port = FlowPort.ofDevice(tun, offloads.header(), offloads.udp());
    this.coalescer = new Coalescer(bench.packets, Bench.BATCH, offloads.udp());
  }

  /** Where the packets of a batch lie, in either direction. */
  Bench bench() {
    return bench;
  }

  /** Takes packets that the kernel sends to clients: how many, or the negated error number. */
  int receive() {
    return port.receive(bench);
  }

  /**
   * Tells the view what the tun says of a packet that came from it.
   *
   * @return false when that makes no sense
   */
  boolean apply(PacketView packet) {
    return port.headerBytes() == 0
        || VirtioNetHeader.apply(bench.packets, header(packet), packet) == null;
  }

  /** Bytes of payload in each segment of a packet that came from the tun; 0 for one alone. */
  int segmentBytes(PacketView packet) {
    return port.headerBytes() == 0
        ? 0
        : VirtioNetHeader.segmentBytes(bench.packets, header(packet));
  }

  private static int header(PacketView packet) {
    return packet.start() - VirtioNetHeader.BYTES;
  }

  /** Begins a batch for the kernel. */
  void begin() {
    coalescer.reset();
    refused = 0;
  }

  /**
   * Takes a packet of the bench into the batch; it is the device's until {@link #flush}.
   *
   * @param segmentBytes of payload in each segment when it is a super-packet, else 0
   */
  void add(PacketView packet, int segmentBytes) {
    boolean whole = segmentBytes == 0 || port.takesWhole(packet.protocol() == IpProtocol.UDP);
    if (port.headerBytes() > 0 && whole) {
      coalescer.add(packet, segmentBytes);
      return;
    }
    // What its connection has sent before goes before it.
    writeGroups();
    if (segmentBytes == 0) {
      complete(packet);
      refused += port.send(out, bench.address(packet.start()), packet.length()) == 1 ? 0 : 1;
    } else {
      writeSegments(packet, segmentBytes);
    }
  }

  private static void complete(PacketView packet) {
    if (packet.checksumPartial()) {
      Checksum.fill(packet);
    }
  }

  /** One packet came, and so one was refused, however many of its segments were. */
  private void writeSegments(PacketView packet, int segmentBytes) {
    boolean all = out.cut(packet, segmentBytes, Bench.PACKET_BYTES) == null;
    for (int done = all ? 0 : out.segments(); done < out.segments(); ) {
      out.addSegments(done, bench.address(0), port.headerBytes());
      int n = port.send(out);
      out.clear();
      all &= n > 0;
      done += Math.max(1, n);
    }
    refused += all ? 0 : 1;
  }

  /** Gives the kernel the batch; returns how many packets of it were refused. */
  int flush() {
    writeGroups();
    return refused;
  }

  private void writeGroups() {
    coalescer.finish();
    for (int n = 0; n < coalescer.groups(); n++) {
      int group = coalescer.group(n);
      int pieces = 0;
      for (int piece = group; piece >= 0; piece = coalescer.next(piece)) {
        long address = bench.address(coalescer.position(piece));
        Bench.iovec(bench.writeVector, pieces++, address, coalescer.length(piece));
      }
      if (port.write(bench.writeVector, pieces) < 0) {
        refused += coalescer.packets(group);
      }
    }
    coalescer.reset();
  }

  /**
   * Gives the kernel a packet that is complete, at once.
   *
   * @param packet with room for a virtio_net_hdr before it
   * @param address of its first byte
   */
  boolean write(PacketView packet, long address) {
    if (port.headerBytes() > 0) {
      VirtioNetHeader.writePlain(packet.memory(), header(packet));
    }
    return port.send(out, address, packet.length()) == 1;
  }

  /** Gives the kernel a packet of IPv6 in fragments, which it would not make on the way. */
  boolean write6(PacketView packet, int identification, int mtu) {
    if (fragmenter.begin6(packet, identification, mtu) != null) {
      return false;
    }
    boolean all = true;
    while (fragmenter.hasNext()) {
      all &= writeRoom(fragmenter.next(piece, ROOM));
    }
    return all;
  }

  /** Room for a packet of our own, which begins at {@link #roomStart()}. */
  ByteBuffer room() {
    return piece;
  }

  int roomStart() {
    return ROOM;
  }

  /** The address of the packet in {@link #room()}; before it is a virtio_net_hdr of zeros. */
  long roomAddress() {
    return area.address() + ROOM;
  }

  /** Gives the kernel what was written to {@link #room()}. */
  boolean writeRoom(int bytes) {
    return port.send(out, roomAddress(), bytes) == 1;
  }
}
