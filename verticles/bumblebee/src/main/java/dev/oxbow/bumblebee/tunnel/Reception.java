package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.Acceptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes connections from the listeners and tells whose they are. A connection waits in its
 * listener, in the kernel, while this is stopped. Control loop only.
 */
final class Reception {
  private static final Logger log = LoggerFactory.getLogger(Reception.class);

  private final DescriptorLoop loop;
  private final Environment environment;
  private final Ledger ledger;
  private final Connections table;
  private final IntFunction<@Nullable Tunnel> tunnels;
  private final List<Acceptor> acceptors = new ArrayList<>();
  private long accepted;

  /**
   * @param tunnels who has a place in the ledger, or null
   */
  Reception(
      DescriptorLoop loop,
      Environment environment,
      Ledger ledger,
      Connections table,
      IntFunction<@Nullable Tunnel> tunnels) {
    this.loop = loop;
    this.environment = environment;
    this.ledger = ledger;
    this.table = table;
    this.tunnels = tunnels;
  }

  void start() {
    if (acceptors.isEmpty()) {
      for (int version : new int[] {4, 6}) {
        acceptors.add(Acceptor.adopt(environment.listener(version), loop, this::came));
      }
    }
    acceptors.forEach(Acceptor::start);
  }

  void stop() {
    acceptors.forEach(Acceptor::stop);
  }

  /** How many connections were told. */
  long accepted() {
    return accepted;
  }

  private void came(Descriptor socket) {
    byte[] peer;
    try {
      peer = Sockets.peerAddress(socket.fd());
    } catch (LinuxException e) {
      // Reset before anybody could take it: its record may serve another connection by now.
      socket.close();
      if (e.errno() != Errno.ENOTCONN) {
        log.warn("an accepted connection without a peer", e);
      }
      return;
    }
    int version = Sockaddr.family(peer) == Sockets.AF_INET ? 4 : 6;
    long low = low(version, peer);
    int slot = Pool.slot(version, low);
    int place = Pool.connection(version, low, Sockaddr.port(peer));
    Tunnel tunnel = slot < ledger.records() && place >= 0 ? tunnels.apply(slot) : null;
    if (tunnel == null || place >= table.perGroup()) {
      refuse(socket);
      return;
    }
    int at = table.at(ledger.groupOf(slot), place);
    if (table.slot(at) != slot || table.id(at) == 0) {
      refuse(socket);
      return;
    }
    accepted++;
    String client =
        SocketAddresses.text(table.clientHigh(at), table.clientLow(at), table.clientPort(at));
    String destination =
        SocketAddresses.text(
            table.destinationHigh(at), table.destinationLow(at), table.destinationPort(at));
    tunnel.observer().connected(new AcceptedConnection(table.id(at), socket, client, destination));
  }

  /** Of a tunnel that is over. */
  private static void refuse(Descriptor socket) {
    Sockets.linger(socket.fd(), true);
    socket.close();
  }

  private static long low(int version, byte[] sockaddr) {
    ByteBuffer bytes = ByteBuffer.wrap(sockaddr);
    return version == 4 ? PacketView.V4_LOW | (bytes.getInt(4) & 0xffff_ffffL) : bytes.getLong(16);
  }
}
