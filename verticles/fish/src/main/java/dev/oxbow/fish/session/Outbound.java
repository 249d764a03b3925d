package dev.oxbow.fish.session;

import dev.oxbow.codecs.ip.IcmpError;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.Rewrite;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.ip.TcpReset;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.service.flow.Bench;
import dev.oxbow.service.flow.Outbox;

/**
 * From a session's flow to the tun, a batch at a time: first every packet is looked at, and what is
 * new gets a port; then the kernel is asked about all of that at once; then the packets go on, in
 * their order. Loop thread only.
 */
final class Outbound {
  private static final int ECHO_REQUEST_4 = 8;
  private static final int ECHO_REQUEST_6 = 128;

  /** Instead of a flow: the packet is done with. */
  private static final int DONE = -1;

  /** Instead of a flow: an ICMP error of the client's. */
  private static final int ERROR = -2;

  private static final int CLOSING = FlowTable.CLIENT_FIN | FlowTable.SERVER_FIN;

  private final Bench bench;
  private final Device device;
  private final Mappings mappings;
  private final Ports ports;
  private final FlowTable flows;
  private final Pools pools;
  private final Residents residents;
  private final Gathering fragments;
  private final PacketView packet;
  private final PacketView quoted;
  private final Outbox out = new Outbox();
  private final int[] flowOf = new int[Bench.BATCH];
  private final int[] clientOf = new int[Bench.BATCH];
  private final boolean[] fresh = new boolean[Bench.BATCH];

  Outbound(
      Device device,
      Mappings mappings,
      Ports ports,
      FlowTable flows,
      Pools pools,
      Residents residents,
      Gathering fragments) {
    this.bench = device.bench();
    this.device = device;
    this.packet = bench.packet;
    this.quoted = bench.quoted;
    this.mappings = mappings;
    this.ports = ports;
    this.flows = flows;
    this.pools = pools;
    this.residents = residents;
    this.fragments = fragments;
  }

  /** Carries a batch that came from a session's flow. */
  void carry(Session session, int count, long nowNanos) {
    for (int i = 0; i < count; i++) {
      flowOf[i] = DONE;
      fresh[i] = false;
      int length = bench.length[i];
      if (length == 0) {
        continue;
      }
      session.record.countIn(1);
      if (length == Bench.TOO_LONG) {
        session.drop(DropReason.TOO_LONG);
      } else if (length < 0 || !parse(session, i)) {
        session.drop(DropReason.MALFORMED);
      } else if (packet.isFragment()) {
        fragment(session, nowNanos);
      } else {
        examine(session, i, nowNanos);
      }
    }
    mappings.settle();
    device.begin();
    for (int i = 0; i < count; i++) {
      if (flowOf[i] != DONE) {
        parse(session, i);
        forward(session, i, nowNanos);
      }
    }
    session.drop(DropReason.KERNEL, device.flush());
  }

  private boolean parse(Session session, int i) {
    return packet.parse(bench.packets, bench.start[i], bench.length[i]) == null
        && (session.port.headerBytes() == 0
            || VirtioNetHeader.apply(bench.packets, header(), packet) == null);
  }

  private int header() {
    return packet.start() - VirtioNetHeader.BYTES;
  }

  /** A datagram is carried when its last fragment comes, alone. */
  private void fragment(Session session, long nowNanos) {
    if (!fragments.add(session, packet)) {
      return;
    }
    mappings.makeRoom();
    int client = client(session, nowNanos);
    int flow = client < 0 ? DONE : flow(session, client, nowNanos);
    if (flow < 0) {
      return;
    }
    mappings.settle();
    if (!allowed(session, client, flow, nowNanos)) {
      return;
    }
    flows.touch(flow, nowNanos);
    int version = packet.version();
    Rewrite.source(packet, pools.high(version), pools.low(version, client), Rewrite.SAME_PORT);
    boolean taken =
        version == 6
            ? device.write6(packet, fragments.identification(), session.spec.mtu())
            : device.write(packet, fragments.address());
    if (!taken) {
      session.drop(DropReason.KERNEL);
    }
  }

  private void examine(Session session, int i, long nowNanos) {
    if (packet.isIcmpError()) {
      error(session, i);
      return;
    }
    mappings.makeRoom();
    int client = client(session, nowNanos);
    if (client < 0) {
      return;
    }
    clientOf[i] = client;
    flowOf[i] = flow(session, client, nowNanos);
    fresh[i] = flowOf[i] >= 0 && !mappings.open(flowOf[i]);
    // A client whose first packet got no port needs no number.
    residents.removeIdle(client);
  }

  /** The kernel takes an error that is about a connection it knows, and no other. */
  private void error(Session session, int i) {
    clientOf[i] = residents.find(session, packet.sourceHigh(), packet.sourceLow());
    if (clientOf[i] < 0) {
      session.drop(DropReason.UNKNOWN);
    } else {
      flowOf[i] = ERROR;
    }
  }

  /** The client that sends the packet; -1 when it may not, which is counted. */
  private int client(Session session, long nowNanos) {
    if (!packet.unicast()) {
      session.drop(DropReason.PROTOCOL);
      return DONE;
    }
    int client = residents.client(session, packet.sourceHigh(), packet.sourceLow());
    if (client < 0) {
      refuse(session, DropReason.TABLE_FULL, nowNanos);
    }
    return client;
  }

  private boolean isEchoRequest() {
    return packet.isIcmp()
        && packet.icmpType() == (packet.version() == 4 ? ECHO_REQUEST_4 : ECHO_REQUEST_6);
  }

  /** The flow of the packet, made where it may be; -1 when the packet is dropped and counted. */
  private int flow(Session session, int client, long nowNanos) {
    boolean ports = packet.hasPorts();
    if (!ports && !isEchoRequest()) {
      refuse(session, DropReason.PROTOCOL, nowNanos);
      return DONE;
    }
    int protocol = packet.protocol();
    int flow = find(client);
    boolean tcp = protocol == IpProtocol.TCP;
    int flags = tcp ? TcpHeader.flags(packet) : 0;
    boolean syn = (flags & (TcpHeader.SYN | TcpHeader.ACK)) == TcpHeader.SYN;
    if (flow >= 0) {
      return known(session, flow, tcp, syn, nowNanos);
    }
    if (tcp && !syn) {
      session.drop(DropReason.UNKNOWN);
      reset(session);
      return DONE;
    }
    DropReason quota = session.begin(nowNanos);
    if (quota != null) {
      refuse(session, quota, nowNanos);
      return DONE;
    }
    int begun =
        mappings.begin(
            session,
            packet.version(),
            client,
            protocol,
            ports ? packet.sourcePort() : packet.echoId(),
            packet.destinationHigh(),
            packet.destinationLow(),
            ports ? packet.destinationPort() : 0);
    switch (begun) {
      case Mappings.NO_PORT -> refuse(session, DropReason.EXHAUSTED, nowNanos);
      case Mappings.NO_RECORD -> refuse(session, DropReason.TABLE_FULL, nowNanos);
      case Mappings.NO_ADDRESS -> refuse(session, DropReason.NO_ADDRESS, nowNanos);
      default -> {
        return begun;
      }
    }
    return DONE;
  }

  private int known(Session session, int flow, boolean tcp, boolean syn, long nowNanos) {
    int state = flows.state(flow);
    if (state == FlowTable.PROPOSED) {
      return flow;
    }
    boolean resting = state == FlowTable.RESTING;
    int flags = flows.flags(flow);
    boolean closing = (flags & (CLOSING | FlowTable.RESET)) != 0;
    boolean over = syn && (resting || closing);
    boolean again = over || (resting && !tcp);
    if (again ? !ports.mayRenew(flow) : !ports.mayUse(flow)) {
      refuse(session, DropReason.LOAN_OVER, nowNanos);
      return DONE;
    }
    if (over) {
      DropReason quota = session.renew(nowNanos);
      if (quota != null) {
        refuse(session, quota, nowNanos);
        return DONE;
      }
      mappings.renew(flow);
    } else if (syn || again) {
      mappings.probe(flow);
    } else if ((flags & FlowTable.UNMAPPED) != 0) {
      mappings.resume(flow);
    }
    return flow;
  }

  /** Drops the packet; whoever sent it is told (RFC 5508, REQ-8), unless the next one may pass. */
  private void refuse(Session session, DropReason reason, long nowNanos) {
    session.drop(reason);
    boolean passing = reason == DropReason.TAKEN || reason == DropReason.KERNEL;
    if (!passing && session.mayAnswer(nowNanos)) {
      int bytes =
          IcmpError.PROHIBITED.write(
              packet,
              0,
              packet.destinationHigh(),
              packet.destinationLow(),
              device.room(),
              device.roomStart());
      answer(session, bytes);
    }
    if (reason == DropReason.EXHAUSTED && session.tellExhausted(nowNanos)) {
      session.observer.exhausted(
          packet.destinationHigh(),
          packet.destinationLow(),
          packet.hasPorts() ? packet.destinationPort() : 0);
    }
  }

  private void answer(Session session, int bytes) {
    if (bytes > 0 && session.port.send(out, device.roomAddress(), bytes) == 1) {
      session.record.countOut(1);
    }
  }

  /** Answers a segment of no connection, toward the client. */
  private void reset(Session session) {
    answer(session, TcpReset.write(packet, device.room(), device.roomStart()));
  }

  /** Whether the kernel has said yes to the packet's flow; else it is dropped and counted. */
  private boolean allowed(Session session, int client, int flow, long nowNanos) {
    // The record of a flow that was refused may be another's by now.
    if (find(client) == flow && mappings.open(flow)) {
      return true;
    }
    refuse(session, mappings.refusal(flow), nowNanos);
    return false;
  }

  private int find(int client) {
    boolean ports = packet.hasPorts();
    return flows.find(
        client,
        packet.protocol(),
        ports ? packet.sourcePort() : packet.echoId(),
        packet.destinationHigh(),
        packet.destinationLow(),
        ports ? packet.destinationPort() : 0);
  }

  private void forward(Session session, int i, long nowNanos) {
    int client = clientOf[i];
    int version = packet.version();
    long high = pools.high(version);
    long low = pools.low(version, client);
    if (flowOf[i] == ERROR) {
      if (packet.quoted(quoted) != null || quoted.fragmentOffset() != 0) {
        session.drop(DropReason.MALFORMED);
        return;
      }
      Rewrite.quotedDestination(packet, quoted, high, low, Rewrite.SAME_PORT);
    } else {
      // Also when the kernel has just lost the entry of one that is not new.
      boolean asked = fresh[i] || !mappings.open(flowOf[i]);
      if (asked && !allowed(session, client, flowOf[i], nowNanos)) {
        return;
      }
      track(flowOf[i], nowNanos);
    }
    Rewrite.source(packet, high, low, Rewrite.SAME_PORT);
    boolean told = session.port.headerBytes() > 0;
    device.add(packet, told ? VirtioNetHeader.segmentBytes(bench.packets, header()) : 0);
  }

  /** Notes what the packet says of its connection. */
  private void track(int flow, long nowNanos) {
    if (flows.state(flow) != FlowTable.LIVE) {
      return;
    }
    flows.touch(flow, nowNanos);
    if (packet.protocol() != IpProtocol.TCP) {
      return;
    }
    int flags = TcpHeader.flags(packet);
    if ((flags & TcpHeader.SYN) != 0) {
      flows.setScaleClient(flow, TcpHeader.windowScale(packet));
    }
    if ((flags & (TcpHeader.FIN | TcpHeader.RST)) != 0) {
      int seen = (flags & TcpHeader.RST) != 0 ? FlowTable.RESET : FlowTable.CLIENT_FIN;
      Ending.note(flows, mappings, flow, seen);
    }
  }
}
