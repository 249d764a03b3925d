package dev.oxbow.fish.session;

import dev.oxbow.codecs.fragments.Fragmenter;
import dev.oxbow.codecs.ip.IcmpError;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.Rewrite;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.service.flow.FlowKind;
import java.nio.ByteBuffer;

/**
 * From the tun to the sessions' flows: the kernel has translated the packets back to inner
 * addresses, and here those become the clients' own. Loop thread only.
 */
final class Inbound {
  private static final int PACKET_BYTES = 0x10000;

  private final Device device;
  private final Mappings mappings;
  private final FlowTable flows;
  private final Pools pools;
  private final Residents residents;
  private final Gathering fragments;
  private final HeldPackets held;
  private final PacketView packet = new PacketView();
  private final PacketView quoted = new PacketView();
  private final Fragmenter fragmenter = new Fragmenter();
  private final NativeMemory area = NativeMemory.allocate(PACKET_BYTES);
  private final ByteBuffer piece = area.view();
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
  void carry(PacketBatch batch, int count, long nowNanos) {
    for (int i = 0; i < count; i++) {
      int length = batch.length(i);
      if (length <= 0 || packet.parse(batch.memory(), batch.start(i), length) != null) {
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
        deliver(session, client, batch.address(packet.start()), nowNanos);
      }
    }
  }

  private void fragment(Session session, int client, long nowNanos) {
    if (!fragments.add(session, packet)) {
      return;
    }
    if (packet.version() == 6 && packet.length() > session.spec.mtu()) {
      if (rewrite(session, client, nowNanos)) {
        int mtu = session.spec.mtu();
        cut(session, fragmenter.begin6(packet, fragments.identification(), mtu) == null);
      }
    } else {
      deliver(session, client, fragments.address(), nowNanos);
    }
  }

  private void deliver(Session session, int client, long address, long nowNanos) {
    boolean tooLong = packet.length() > session.spec.mtu();
    if (tooLong && packet.dontFragment()) {
      session.drop(DropReason.TOO_LONG);
      int bytes =
          IcmpError.TOO_BIG.write(
              packet,
              session.spec.mtu(),
              packet.destinationHigh(),
              packet.destinationLow(),
              device.room(),
              0);
      if (bytes > 0) {
        device.writeRoom(bytes);
      }
      return;
    }
    if (!rewrite(session, client, nowNanos)) {
      return;
    }
    if (tooLong) {
      cut(session, fragmenter.begin(packet, session.spec.mtu()) == null);
    } else {
      send(session, address, packet.length());
    }
  }

  private void cut(Session session, boolean possible) {
    if (!possible) {
      session.drop(DropReason.TOO_LONG);
      return;
    }
    while (fragmenter.hasNext()) {
      int bytes = fragmenter.next(piece, 0);
      send(session, area.address(), bytes);
    }
  }

  private void send(Session session, long address, int bytes) {
    boolean behind = session.queue != HeldPackets.NONE;
    int result = behind ? -Errno.EAGAIN : session.port.send(address, bytes);
    if (result == 1) {
      session.record.countOut(1);
    } else if (result == -Errno.EAGAIN) {
      if (!held.add(session, address, bytes)) {
        session.drop(DropReason.FLOW_FULL);
      }
    } else {
      refused(session, -result);
    }
  }

  private void refused(Session session, int errno) {
    session.drop(DropReason.FLOW);
    if (!FlowKind.ofPacket(errno)) {
      failed.failed(session, errno);
    }
  }

  /** The flow of a session has room again. */
  void flush(Session session) {
    for (int errno = -held.flush(session); errno > 0; ) {
      refused(session, errno);
      errno = FlowKind.ofPacket(errno) ? -held.flush(session) : 0;
    }
  }

  private boolean rewrite(Session session, int client, long nowNanos) {
    session.record.activityNanos(nowNanos);
    long high = pools.clients().high(client);
    long low = pools.clients().low(client);
    if (packet.isIcmpError()) {
      if (packet.quoted(quoted) != null || quoted.isFragment()) {
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
