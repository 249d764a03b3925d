package dev.oxbow.fish.network;

import dev.oxbow.codecs.netlink.AddressReader;
import dev.oxbow.codecs.netlink.LinkReader;
import dev.oxbow.codecs.netlink.NetlinkError;
import dev.oxbow.codecs.netlink.NetlinkReader;
import dev.oxbow.codecs.netlink.NetlinkWriter;
import dev.oxbow.codecs.netlink.Route;
import dev.oxbow.codecs.netlink.RouteMessages;
import dev.oxbow.codecs.netlink.RouteReader;
import dev.oxbow.fdpassing.device.NetlinkExchange;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.libc.Errno;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Links and routes of the network namespace of the thread that opened it. Every call waits for the
 * kernel: not on an event loop.
 */
final class Routes implements AutoCloseable {
  private static final int RECEIVE_BUFFER_BYTES = 1 << 20;
  private static final int TIMEOUT_MS = 10_000;
  private static final int DUMP_TRIES = 10;

  private final NetlinkSocket socket;
  private final NetlinkExchange exchange;
  private final NetlinkReader reader = new NetlinkReader();

  private Routes(NetlinkSocket socket) {
    this.socket = socket;
    this.exchange = new NetlinkExchange(socket, TIMEOUT_MS);
  }

  static Routes open() {
    return new Routes(NetlinkSocket.open(NetlinkSocket.NETLINK_ROUTE, RECEIVE_BUFFER_BYTES));
  }

  /** The link of a name, freshly read. */
  LinkReader link(String name) {
    LinkReader link = new LinkReader();
    perform(
        "link " + name,
        out -> RouteMessages.linkByName(out, name),
        message -> {
          if (message.type() == RouteMessages.RTM_NEWLINK) {
            link.read(message);
          }
        });
    return link;
  }

  void linkUp(String name, int mtu, int txQueueLength) {
    int index = link(name).index();
    perform(
        "link " + name, out -> RouteMessages.linkUp(out, index, mtu, txQueueLength), message -> {});
  }

  /** Adds a route unless it is there. */
  void ensure(Route route) {
    int errno = tell("route", out -> RouteMessages.routeAdd(out, route), message -> {});
    if (errno != 0 && errno != Errno.EEXIST) {
      throw new NetworkException("route to the pool refused: " + Errno.name(errno));
    }
  }

  /** Removes a route if it is there. */
  void remove(Route route) {
    int errno = tell("route", out -> RouteMessages.routeDelete(out, route), message -> {});
    if (errno != 0 && errno != Errno.ESRCH) {
      throw new NetworkException("route to the pool not removed: " + Errno.name(errno));
    }
  }

  /** All routes of the main table. */
  List<Route> routes() {
    List<Route> routes = new ArrayList<>();
    RouteReader route = new RouteReader();
    dump(
        "routes",
        RouteMessages::routeDump,
        message -> {
          if (message.type() == RouteMessages.RTM_NEWROUTE) {
            routes.add(route.read(message));
          }
        },
        routes::clear);
    routes.removeIf(each -> each.table() != RouteMessages.RT_TABLE_MAIN);
    return routes;
  }

  /** All addresses of this machine. */
  List<AddressReader.Address> addresses() {
    List<AddressReader.Address> addresses = new ArrayList<>();
    AddressReader address = new AddressReader();
    dump(
        "addresses",
        RouteMessages::addressDump,
        message -> {
          if (message.type() == RouteMessages.RTM_NEWADDR) {
            addresses.add(address.read(message));
          }
        },
        addresses::clear);
    return addresses;
  }

  private void dump(
      String what, Consumer<NetlinkWriter> ask, Consumer<NetlinkReader> each, Runnable again) {
    for (int i = 0; i < DUMP_TRIES; i++) {
      again.run();
      int errno = tell(what, ask, each);
      if (errno == 0) {
        return;
      }
      if (errno != Errno.EINTR) {
        throw new NetworkException(what + " cannot be read: " + Errno.name(errno));
      }
    }
    throw new NetworkException(what + " change too often to be read");
  }

  private void perform(String what, Consumer<NetlinkWriter> ask, Consumer<NetlinkReader> each) {
    int errno = tell(what, ask, each);
    if (errno != 0) {
      throw new NetworkException(what + ": " + Errno.name(errno));
    }
  }

  private int tell(String what, Consumer<NetlinkWriter> ask, Consumer<NetlinkReader> each) {
    ask.accept(new NetlinkWriter(exchange.request()));
    return exchange.perform(
        message -> {
          reader.over(message);
          while (reader.next()) {
            if (reader.type() != NetlinkReader.NLMSG_ERROR) {
              each.accept(reader);
              continue;
            }
            String words = NetlinkError.read(reader).text();
            if (words != null) {
              throw new NetworkException(what + ": " + words);
            }
          }
        });
  }

  @Override
  public void close() {
    socket.close();
  }
}
