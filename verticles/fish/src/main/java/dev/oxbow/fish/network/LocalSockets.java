package dev.oxbow.fish.network;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.netlink.NetlinkReader;
import dev.oxbow.codecs.netlink.NetlinkWriter;
import dev.oxbow.codecs.netlink.SocketMessages;
import dev.oxbow.codecs.netlink.SocketReader;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.device.NetlinkExchange;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fish.ports.PortSlice;
import java.util.ArrayList;
import java.util.List;

/**
 * Programs of this machine that have bound a port of a slice: they and Fish would get into one
 * another's way. Of the calling thread's network namespace; blocks.
 */
public final class LocalSockets {
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;
  private static final int TCP_CLOSE = 7;
  private static final int RECEIVE_BUFFER_BYTES = 4 << 20;
  private static final int TIMEOUT_MS = 10_000;

  private LocalSockets() {}

  /** Those that there are, as {@code tcp 203.0.113.7:20001}; bound to all addresses or to ours. */
  public static List<String> within(List<PortSlice> slices) {
    List<String> found = new ArrayList<>();
    try (NetlinkSocket socket =
        NetlinkSocket.open(NetlinkSocket.NETLINK_SOCK_DIAG, RECEIVE_BUFFER_BYTES)) {
      NetlinkExchange exchange = new NetlinkExchange(socket, TIMEOUT_MS);
      for (int family : new int[] {AF_INET, AF_INET6}) {
        dump(exchange, family, IpProtocol.TCP, slices, found);
        dump(exchange, family, IpProtocol.UDP, slices, found);
      }
    }
    return found;
  }

  private static void dump(
      NetlinkExchange exchange,
      int family,
      int protocol,
      List<PortSlice> slices,
      List<String> found) {
    int states = SocketMessages.ALL_STATES | 1 << TCP_CLOSE;
    SocketMessages.dump(new NetlinkWriter(exchange.request()), family, protocol, states);
    NetlinkReader reader = new NetlinkReader();
    SocketReader each = new SocketReader();
    int errno =
        exchange.perform(
            message -> {
              reader.over(message);
              while (reader.next()) {
                if (reader.type() == SocketMessages.SOCK_DIAG_BY_FAMILY) {
                  look(each.read(reader), protocol, slices, found);
                }
              }
            });
    // ENOENT: this kernel tells nothing of that protocol.
    if (errno != 0 && errno != Errno.EINTR && errno != Errno.ENOENT) {
      throw new LinuxException("sock_diag", errno);
    }
  }

  private static void look(
      SocketReader socket, int protocol, List<PortSlice> slices, List<String> found) {
    boolean four = socket.family() == AF_INET;
    long high = four ? PacketView.V4_HIGH : words(socket, 0);
    long low = four ? PacketView.V4_LOW | (socket.localWord(0) & 0xffff_ffffL) : words(socket, 2);
    boolean any = four ? socket.localWord(0) == 0 : high == 0 && low == 0;
    for (PortSlice slice : slices) {
      boolean ours = slice.contains(high, low, socket.localPort());
      boolean all = any && slice.contains(slice.high(), slice.low(), socket.localPort());
      if (ours || all) {
        String name = protocol == IpProtocol.TCP ? "tcp " : "udp ";
        found.add(name + SocketAddresses.text(high, low, socket.localPort()));
        return;
      }
    }
  }

  private static long words(SocketReader socket, int first) {
    return (long) socket.localWord(first) << 32 | (socket.localWord(first + 1) & 0xffff_ffffL);
  }
}
