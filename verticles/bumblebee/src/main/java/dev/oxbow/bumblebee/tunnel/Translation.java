package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.Rewrite;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.ip.TcpReset;
import dev.oxbow.service.flow.Bench;

/**
 * From the addresses of the client to those of the namespace and back. A packet from the client
 * comes from the pool then and goes to the listener; one from the kernel comes from where the
 * client had wanted to go.
 *
 * <pre>
 *   flow     client:port -> destination:port    <-->    pool:port -> listener:port     tun
 * </pre>
 *
 * Works on one packet of the bench in place; nothing is allocated but the first time. Loop thread
 * only.
 */
final class Translation {

  /** The packet is to go on. */
  static final int PASS = 0;

  /** The packet is to be dropped, and was counted. */
  static final int DROP = 1;

  /** Likewise, and the bench has an answer. */
  static final int ANSWER = 2;

  private static final int MSS_OVERHEAD_4 = PacketView.IPV4_BYTES + TcpHeader.BYTES;
  private static final int MSS_OVERHEAD_6 = PacketView.IPV6_BYTES + TcpHeader.BYTES;

  private final Connections table;
  private final Bench bench;
  private final ConnectionKey key = new ConnectionKey();
  private int answerBytes;
  private int connection;

  Translation(Connections table, Bench bench) {
    this.table = table;
    this.bench = bench;
  }

  /** Length of the answer, which begins in the bench behind its head. */
  int answerBytes() {
    return answerBytes;
  }

  /** The connection of the packet that passed, or -1 for an ICMP error. */
  int connection() {
    return connection;
  }

  /** Translates a packet from the client, which the bench's view stands on. */
  int fromFlow(Tunnel tunnel, long now) {
    PacketView packet = bench.packet;
    connection = -1;
    if (packet.version() == 6 && tunnel.mtu() < Environment.MIN_MTU_6) {
      return tunnel.drop(DropReason.NO_IPV6);
    }
    if (packet.protocol() == IpProtocol.TCP && !packet.isFragment()) {
      return packet.unicast() && !packet.authenticated() && !mapped(packet) && !loopback(packet)
          ? segment(tunnel, packet, now)
          : tunnel.drop(DropReason.MALFORMED);
    }
    return packet.isIcmpError() ? complaint(tunnel, packet) : tunnel.drop(DropReason.NOT_TCP);
  }

  /** Addresses of version 4 in a packet of version 6, which belong on no wire: RFC 4942 2.2. */
  private static boolean mapped(PacketView packet) {
    return packet.version() == 6
        && (ConnectionKey.version(packet.sourceHigh(), packet.sourceLow()) == 4
            || ConnectionKey.version(packet.destinationHigh(), packet.destinationLow()) == 4);
  }

  /** Addresses that never leave a host: whoever forwards to them would reach his own. */
  private static boolean loopback(PacketView packet) {
    return PacketView.isLoopback(packet.sourceHigh(), packet.sourceLow())
        || PacketView.isLoopback(packet.destinationHigh(), packet.destinationLow());
  }

  private int segment(Tunnel tunnel, PacketView packet, long now) {
    key.ofClient(packet);
    int slot = tunnel.slot();
    ConnectionIndex index = tunnel.index();
    int flags = TcpHeader.flags(packet);
    int found = index.find(slot, key);
    boolean begins = (flags & (TcpHeader.SYN | TcpHeader.ACK | TcpHeader.RST)) == TcpHeader.SYN;
    if (begins) {
      if (found < 0) {
        if (!tunnel.handshakeAllowed()) {
          return tunnel.drop(DropReason.HANDSHAKE_LIMIT);
        }
        found = tunnel.connectionAllowed() ? index.add(slot, key, now) : -1;
        if (found < 0) {
          return tunnel.drop(DropReason.CONNECTION_LIMIT);
        }
        tunnel.connectionBegun();
      } else {
        again(tunnel, table.at(tunnel.group(), found), now);
      }
      Rewrite.clampMss(packet, mss(tunnel, packet));
    } else if (found < 0) {
      answerBytes = TcpReset.write(packet, bench.answer, Bench.HEAD_BYTES);
      tunnel.drop(DropReason.UNKNOWN);
      return answerBytes == 0 ? DROP : ANSWER;
    } else {
      clientSent(tunnel, packet, table.at(tunnel.group(), found), flags);
    }
    connection = found;
    int version = packet.version();
    long low = Pool.low(version, slot, found);
    Rewrite.source(packet, Pool.high(version), low, Pool.port(found));
    Rewrite.destination(
        packet, Pool.listenerHigh(version), Pool.listenerLow(version), Pool.LISTENER_PORT);
    return PASS;
  }

  /** A SYN on known addresses: sent again, or a new connection after one that is over. */
  private void again(Tunnel tunnel, int at, long now) {
    int flags = table.flags(at);
    int over = Connections.RESET | Connections.CLIENT_FIN | Connections.GONE;
    if ((flags & over) != 0) {
      if ((flags & Connections.ESTABLISHED) != 0) {
        tunnel.handshakeAgain();
      }
      table.renew(tunnel.group(), at, now);
    } else {
      table.reborn(at, now);
    }
  }

  private void clientSent(Tunnel tunnel, PacketView packet, int at, int flags) {
    int known = table.flags(at);
    int now = known;
    if ((known & (Connections.ANSWERED | Connections.ESTABLISHED)) == Connections.ANSWERED
        && (flags & (TcpHeader.ACK | TcpHeader.RST)) != 0) {
      now |= Connections.ESTABLISHED;
      tunnel.handshakeDone();
    }
    if ((flags & TcpHeader.FIN) != 0) {
      now |= Connections.CLIENT_FIN;
      table.finNext(at, TcpHeader.sequence(packet) + TcpHeader.segmentLength(packet));
    }
    if ((flags & TcpHeader.RST) != 0) {
      now |= Connections.RESET;
    }
    if (now != known) {
      table.flags(at, now);
    }
  }

  /** An ICMP error about what the kernel had sent. */
  private int complaint(Tunnel tunnel, PacketView packet) {
    PacketView quoted = bench.quoted;
    if (packet.quoted(quoted) != null || !quoted.hasPorts()) {
      return tunnel.drop(DropReason.ICMP);
    }
    key.toClient(quoted);
    int found = quoted.protocol() == IpProtocol.TCP ? tunnel.index().find(tunnel.slot(), key) : -1;
    if (found < 0) {
      return tunnel.drop(DropReason.ICMP);
    }
    int version = packet.version();
    long high = Pool.high(version);
    long low = Pool.low(version, tunnel.slot(), found);
    long listenerHigh = Pool.listenerHigh(version);
    long listenerLow = Pool.listenerLow(version);
    Rewrite.quotedSource(packet, quoted, listenerHigh, listenerLow, Pool.LISTENER_PORT);
    Rewrite.quotedDestination(packet, quoted, high, low, Pool.port(found));
    // Any router may complain; to the kernel it is always the client's end.
    Rewrite.source(packet, high, low, Rewrite.SAME_PORT);
    Rewrite.destination(packet, listenerHigh, listenerLow, Rewrite.SAME_PORT);
    return PASS;
  }

  /** Translates a packet from the kernel, which the bench's view stands on. */
  int fromKernel(Tunnel tunnel) {
    PacketView packet = bench.packet;
    if (packet.hasPorts() && packet.protocol() == IpProtocol.TCP) {
      int at = record(tunnel, packet.destinationLow(), packet.destinationPort(), packet.version());
      return at < 0 ? tunnel.drop(DropReason.STALE) : answer(tunnel, packet, at);
    }
    if (packet.isIcmpError() && packet.quoted(bench.quoted) == null && bench.quoted.hasPorts()) {
      PacketView quoted = bench.quoted;
      int at = record(tunnel, quoted.sourceLow(), quoted.sourcePort(), quoted.version());
      return at < 0 ? tunnel.drop(DropReason.STALE) : complaintBack(packet, quoted, at);
    }
    // Neighbour discovery and the like, which is the device's own and nobody's loss.
    return DROP;
  }

  /** Where the record of a connection lies that has an address and port of the pool, or -1. */
  private int record(Tunnel tunnel, long low, int port, int version) {
    int place = Pool.connection(version, low, port);
    if (place < 0 || place >= table.perGroup() || Pool.slot(version, low) != tunnel.slot()) {
      return -1;
    }
    int at = table.at(tunnel.group(), place);
    return table.id(at) != 0 && table.slot(at) == tunnel.slot() ? at : -1;
  }

  private int answer(Tunnel tunnel, PacketView packet, int at) {
    int flags = TcpHeader.flags(packet);
    int known = table.flags(at);
    int now = known;
    if ((flags & TcpHeader.SYN) != 0) {
      now |= Connections.ANSWERED;
      Rewrite.clampMss(packet, mss(tunnel, packet));
    }
    if ((flags & TcpHeader.RST) != 0) {
      now |= Connections.RESET;
    }
    if ((flags & TcpHeader.FIN) != 0 && (known & Connections.KERNEL_FIN) == 0) {
      now |= Connections.KERNEL_FIN;
      boolean knew = TcpHeader.acknowledgment(packet) == table.finNext(at);
      if ((known & Connections.CLIENT_FIN) != 0 && knew) {
        now |= Connections.PASSIVE;
      }
    }
    if (now != known) {
      table.flags(at, now);
    }
    Rewrite.source(
        packet, table.destinationHigh(at), table.destinationLow(at), table.destinationPort(at));
    Rewrite.destination(packet, table.clientHigh(at), table.clientLow(at), table.clientPort(at));
    return PASS;
  }

  private int complaintBack(PacketView packet, PacketView quoted, int at) {
    long clientHigh = table.clientHigh(at);
    long clientLow = table.clientLow(at);
    long high = table.destinationHigh(at);
    long low = table.destinationLow(at);
    Rewrite.quotedSource(packet, quoted, clientHigh, clientLow, table.clientPort(at));
    Rewrite.quotedDestination(packet, quoted, high, low, table.destinationPort(at));
    Rewrite.source(packet, high, low, Rewrite.SAME_PORT);
    Rewrite.destination(packet, clientHigh, clientLow, Rewrite.SAME_PORT);
    return PASS;
  }

  private static int mss(Tunnel tunnel, PacketView packet) {
    return tunnel.mtu() - (packet.version() == 4 ? MSS_OVERHEAD_4 : MSS_OVERHEAD_6);
  }
}
