package dev.oxbow.app.gateway;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.netlink.NetlinkWriter;
import dev.oxbow.codecs.netlink.Route;
import dev.oxbow.codecs.netlink.RouteMessages;
import dev.oxbow.codecs.netlink.RuleMessages;
import dev.oxbow.fdpassing.device.NetlinkExchange;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.service.runtime.StartException;
import java.util.function.Consumer;

/**
 * Routes what would leave a namespace by its default route, and is not TCP, to a tun of its own: so
 * the kernel divides packets between two flows, and each is carried by one service. Blocks.
 *
 * <pre>
 *   7700: lookup main suppress_prefixlength 0     all ways that lead elsewhere stay
 *   7701: not ipproto tcp lookup 7700             default dev TUN
 * </pre>
 *
 * <p>The route goes with the tun. The rules stay in the namespace, and choose nothing then.
 */
final class EgressRoutes {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final int TIMEOUT_MS = 10_000;

  /** Of both rules, the table, too; main has 32766. */
  private static final int FIRST = 7700;

  private EgressRoutes() {}

  /**
   * Adds rules and routes in the calling thread's namespace, for the versions of IP that have an
   * address to leave from.
   *
   * @param index of the tun, which is up
   */
  static void add(TunOptions options, int index) {
    try (NetlinkSocket socket = NetlinkSocket.open(NetlinkSocket.NETLINK_ROUTE, BUFFER_BYTES)) {
      NetlinkExchange exchange = new NetlinkExchange(socket, TIMEOUT_MS);
      for (int version : new int[] {4, 6}) {
        if (options.egress().stream().noneMatch(slice -> slice.version() == version)) {
          continue;
        }
        Route route =
            new Route(
                RouteMessages.RTN_UNICAST, new byte[version == 4 ? 4 : 16], 0, index, FIRST, 0);
        tell(options, exchange, out -> RouteMessages.routeAdd(out, route));
        tell(
            options,
            exchange,
            out -> RuleMessages.allButDefault(out, version, FIRST, RouteMessages.RT_TABLE_MAIN));
        tell(
            options,
            exchange,
            out -> RuleMessages.notOf(out, version, FIRST + 1, IpProtocol.TCP, FIRST));
      }
    }
  }

  private static void tell(
      TunOptions options, NetlinkExchange exchange, Consumer<NetlinkWriter> request) {
    request.accept(new NetlinkWriter(exchange.request()));
    int errno = exchange.perform(message -> {});
    // Rules of an earlier gateway are those of this one.
    if (errno != 0 && errno != Errno.EEXIST) {
      throw new StartException(
          "Cannot route what is not TCP to the tun "
              + options.label()
              + ": "
              + Errno.name(errno)
              + ".");
    }
  }
}
