package dev.oxbow.fish.session;

import dev.oxbow.codecs.fragments.Fragmenter;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.IcmpError;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.Rewrite;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.offload.Segmenter;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.service.flow.Bench;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowPort;
import dev.oxbow.service.flow.Outbox;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * From the tun to the sessions' flows: the kernel has translated the packets back to inner
 * addresses, and here those become the clients' own. Loop thread only.
 */
final class Inbound {
  private static final int PACKET_BYTES = 0x10000;
  private static final int NOBODY = -1;

  private final Bench bench;
  private final Device device;
  private final Mappings mappings;
  private final FlowTable flows;
  private final Pools pools;
  private final Residents residents;
  private final Gathering fragments;
  private final HeldPackets held;
  private final PacketView packet;
  private final PacketView quoted;

  /** One of those that wait for their session's turn. */
  private final PacketView whole = new PacketView();

  private final Outbox out = new Outbox();
  private final Fragmenter fragmenter = new Fragmenter();
  private final Segmenter segmenter = new Segmenter();
  private final NativeMemory area = NativeMemory.allocate(Bench.HEAD_BYTES + PACKET_BYTES);

  /** For a fragment, behind a virtio_net_hdr of zeros. */
  private final ByteBuffer piece = area.view();

  private final ByteBuffer segment = NativeMemory.allocate(PACKET_BYTES).view();

  // Of a batch: each packet's segments and the next of the same session; the sessions by their
  // first packets, in a list.
  private final int[] segmentsOf = new int[Bench.BATCH];
  private final int[] nextPacket = new int[Bench.BATCH];
  private final int[] nextSession = new int[Bench.BATCH];
  private final @Nullable Session[] sessionOf = new Session[Bench.BATCH];
  private int waiting = NOBODY;
  private int lastWaiting;

  private final Failures failed;
  private long strays;

  /** Hears of flows that take nothing any more. */
  interface Failures {

    void failed(Session session, int errno);
  }

  Inbound(
      Device device,
      Mappings mappings,
      FlowTable flows,
      Pools pools,
      Residents residents,
      Gathering fragments,
      HeldPackets held,
      Failures failed) {
    this.bench = device.bench();
    this.packet = bench.packet;
    this.quoted = bench.quoted;
    this.failed = failed;
    this.device = device;
    this.mappings = mappings;
    this.flows = flows;
    this.pools = pools;
    this.residents = residents;
    this.fragments = fragments;
    this.held = held;
  }

  /** Packets to nobody: of sessions that are over, or the kernel's own on the link. */
  long strays() {
    return strays;
  }

  /** Carries a batch that came from the tun. */
  void carry(int count, long nowNanos) {
    waiting = NOBODY;
    for (int i = 0; i < count; i++) {
      int length = bench.length[i];
      if (length <= 0
          || packet.parse(bench.packets, bench.start[i], length) != null
          || !device.apply(packet)) {
        strays++;
        continue;
      }
      int client =
          pools.clientOf(packet.version(), packet.destinationHigh(), packet.destinationLow());
      Session session = client < 0 ? null : residents.session(client);
      if (session == null) {
        strays++;
      } else if (packet.isFragment()) {
        fragment(session, client, nowNanos);
      } else {
        deliver(session, client, i, nowNanos);
      }
    }
    for (int i = waiting; i != NOBODY; i = nextSession[i]) {
      Session session = sessionOf[i];
      if (session != null) {
        sessionOf[i] = null;
        give(session);
      }
    }
  }

  /** A datagram is delivered when its last fragment comes, alone. */
  private void fragment(Session session, int client, long nowNanos) {
    if (!fragments.add(session, packet)) {
      return;
    }
    int mtu = session.spec.mtu();
    if (packet.length() > mtu && packet.dontFragment() && packet.version() == 4) {
      tellTooLong(session);
    } else if (rewrite(session, client, nowNanos)) {
      give(session);
      if (packet.length() <= mtu) {
        VirtioNetHeader.writePlain(packet.memory(), packet.start() - VirtioNetHeader.BYTES);
        put(session, fragments.address(), packet.length());
      } else {
        cut(
            session,
            packet.version() == 6
                ? fragmenter.begin6(packet, fragments.identification(), mtu)
                : fragmenter.begin(packet, mtu));
      }
      send(session);
    }
  }

  private void deliver(Session session, int client, int i, long nowNanos) {
    int segmentBytes = device.segmentBytes(packet);
    int payload = packet.payloadLength();
    int longest =
        segmentBytes == 0 || segmentBytes >= payload
            ? packet.length()
            : packet.length() - payload + segmentBytes;
    boolean tooLong = longest > session.spec.mtu();
    if (tooLong && packet.dontFragment()) {
      tellTooLong(session);
      return;
    }
    if (!rewrite(session, client, nowNanos)) {
      return;
    }
    if (tooLong) {
      give(session);
      cutSegments(session, segmentBytes);
      send(session);
      return;
    }
    segmentsOf[i] = segmentBytes;
    wait(session, i);
  }

  /** The sender learns what is too long for a flow. */
  private void tellTooLong(Session session) {
    session.drop(DropReason.TOO_LONG);
    int bytes =
        IcmpError.TOO_BIG.write(
            packet,
            session.spec.mtu(),
            packet.destinationHigh(),
            packet.destinationLow(),
            device.room(),
            device.roomStart());
    if (bytes > 0) {
      device.writeRoom(bytes);
    }
  }

  /** Puts a packet of the bench behind those of its session, and that behind the others. */
  private void wait(Session session, int i) {
    nextPacket[i] = NOBODY;
    if (session.firstPacket != NOBODY) {
      nextPacket[session.lastPacket] = i;
    } else {
      session.firstPacket = i;
      sessionOf[i] = session;
      nextSession[i] = NOBODY;
      if (waiting == NOBODY) {
        waiting = i;
      } else {
        nextSession[lastWaiting] = i;
      }
      lastWaiting = i;
    }
    session.lastPacket = i;
  }

  /** Gives a session's flow what has come for it in this batch. */
  private void give(Session session) {
    for (int i = session.firstPacket; i != NOBODY; i = nextPacket[i]) {
      if (out.isFull()) {
        send(session);
      }
      put(session, i);
    }
    if (session.firstPacket != NOBODY) {
      sessionOf[session.firstPacket] = null;
      session.firstPacket = NOBODY;
      send(session);
    }
  }

  private void put(Session session, int i) {
    FlowPort port = session.port;
    int segmentBytes = segmentsOf[i];
    int start = bench.start[i];
    whole.parse(bench.packets, start, bench.length[i]);
    device.apply(whole);
    if (segmentBytes == 0 || port.takesWhole(whole.protocol() == IpProtocol.UDP)) {
      if (port.headerBytes() > 0) {
        int header = start - VirtioNetHeader.BYTES;
        VirtioNetHeader.write(bench.packets, header, whole, segmentBytes);
      } else if (whole.checksumPartial()) {
        Checksum.fill(whole);
      }
      put(session, bench.address(start), whole.length());
      return;
    }
    if (out.cut(whole, segmentBytes, session.spec.mtu()) != null) {
      session.drop(DropReason.TOO_LONG);
      return;
    }
    for (int done = 0; done < out.segments(); ) {
      if (out.isFull()) {
        send(session);
      }
      done = out.addSegments(done, bench.address(0), port.headerBytes());
    }
  }

  private void put(Session session, long address, int bytes) {
    int header = session.port.headerBytes();
    out.add(address - header, bytes + header);
  }

  /** Cuts a packet that may be, and whose segments are too long if it is a super-packet. */
  private void cutSegments(Session session, int segmentBytes) {
    if (segmentBytes == 0) {
      if (packet.checksumPartial()) {
        Checksum.fill(packet);
      }
      cut(session, fragmenter.begin(packet, session.spec.mtu()));
      return;
    }
    if (segmenter.begin(packet, segmentBytes, Bench.PACKET_BYTES) != null) {
      session.drop(DropReason.TOO_LONG);
      return;
    }
    while (segmenter.hasNext()) {
      int bytes = segmenter.next(segment, 0);
      if (packet.parse(segment, 0, bytes) == null) {
        cut(session, fragmenter.begin(packet, session.spec.mtu()));
      }
    }
  }

  private void cut(Session session, @Nullable Defect defect) {
    if (defect != null) {
      session.drop(DropReason.TOO_LONG);
      return;
    }
    while (fragmenter.hasNext()) {
      int bytes = fragmenter.next(piece, Bench.HEAD_BYTES);
      put(session, area.address() + Bench.HEAD_BYTES, bytes);
      // The next one is made in the same place.
      send(session);
    }
  }

  /** Gives the flow what is in the outbox, or keeps it. */
  private void send(Session session) {
    while (out.size() > 0) {
      int result = session.queue == HeldPackets.NONE ? session.port.send(out) : -Errno.EAGAIN;
      if (result > 0) {
        session.took(result);
        out.skip(result);
      } else if (result == -Errno.EAGAIN) {
        if (!held.add(session, out)) {
          session.drop(DropReason.FLOW_FULL);
        }
        out.skip(1);
      } else if (FlowKind.ofPacket(-result)) {
        session.drop(DropReason.FLOW);
        out.skip(1);
      } else {
        session.drop(DropReason.FLOW, out.size());
        failed.failed(session, -result);
        break;
      }
    }
    out.clear();
  }

  /** The flow of a session has room again. */
  void flush(Session session) {
    for (int errno = -held.flush(session, out); errno > 0; ) {
      session.drop(DropReason.FLOW);
      boolean ofPacket = FlowKind.ofPacket(errno);
      if (!ofPacket) {
        failed.failed(session, errno);
      }
      errno = ofPacket ? -held.flush(session, out) : 0;
    }
  }

  private boolean rewrite(Session session, int client, long nowNanos) {
    session.record.activityNanos(nowNanos);
    long high = pools.clients().high(client);
    long low = pools.clients().low(client);
    if (packet.isIcmpError()) {
      if (packet.quoted(quoted) != null || quoted.fragmentOffset() != 0) {
        session.drop(DropReason.MALFORMED);
        return false;
      }
      Rewrite.quotedSource(packet, quoted, high, low, Rewrite.SAME_PORT);
    } else {
      track(client, nowNanos);
    }
    Rewrite.destination(packet, high, low, Rewrite.SAME_PORT);
    return true;
  }

  /** Notes what the packet says of its connection. */
  private void track(int client, long nowNanos) {
    boolean ports = packet.hasPorts();
    if (!ports && !packet.isIcmp()) {
      return;
    }
    int flow =
        flows.find(
            client,
            packet.protocol(),
            ports ? packet.destinationPort() : packet.echoId(),
            packet.sourceHigh(),
            packet.sourceLow(),
            ports ? packet.sourcePort() : 0);
    if (flow < 0 || flows.state(flow) != FlowTable.LIVE) {
      return;
    }
    int known = flows.flags(flow);
    if ((known & FlowTable.ANSWERED) == 0) {
      flows.setFlags(flow, known | FlowTable.ANSWERED);
    }
    if (packet.protocol() != IpProtocol.TCP) {
      // RFC 4787, REQ-6: only the client keeps a mapping open.
      return;
    }
    flows.touch(flow, nowNanos);
    int flags = TcpHeader.flags(packet);
    if ((flags & TcpHeader.SYN) != 0) {
      flows.setScaleServer(flow, TcpHeader.windowScale(packet));
    }
    if ((flags & (TcpHeader.FIN | TcpHeader.RST)) != 0) {
      int seen = (flags & TcpHeader.RST) != 0 ? FlowTable.RESET : FlowTable.SERVER_FIN;
      Ending.note(flows, mappings, flow, seen);
    }
  }
}
