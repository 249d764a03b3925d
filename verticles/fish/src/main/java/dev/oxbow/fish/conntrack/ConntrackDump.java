package dev.oxbow.fish.conntrack;

import dev.oxbow.codecs.netlink.ConntrackMessages;
import dev.oxbow.codecs.netlink.ConntrackReader;
import dev.oxbow.codecs.netlink.NetlinkReader;
import dev.oxbow.codecs.netlink.NetlinkWriter;
import dev.oxbow.fdpassing.device.NetlinkExchange;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import java.util.function.Consumer;

/**
 * All entries of a mark at once, seen or deleted; takes a moment for each 10,000. Belongs to the
 * network namespace of the thread that opened it. Not on an event loop.
 */
public final class ConntrackDump implements AutoCloseable {
  private static final int RECEIVE_BUFFER_BYTES = 8 << 20;
  private static final int TIMEOUT_MS = 10_000;
  private static final int WHOLE_MARK = -1;

  private final NetlinkSocket socket;
  private final NetlinkExchange exchange;
  private final NetlinkReader reader = new NetlinkReader();
  private final ConntrackReader entry = new ConntrackReader();

  private ConntrackDump(NetlinkSocket socket) {
    this.socket = socket;
    this.exchange = new NetlinkExchange(socket, TIMEOUT_MS);
  }

  /** Opens one in the calling thread's network namespace. */
  public static ConntrackDump open() {
    return new ConntrackDump(
        NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER, RECEIVE_BUFFER_BYTES));
  }

  /**
   * Shows all entries of a mark.
   *
   * @param each called with one after the other; the reader is the same each time
   */
  public void marked(int mark, Consumer<ConntrackReader> each) {
    ConntrackMessages.dumpMarked(new NetlinkWriter(exchange.request()), mark, WHOLE_MARK);
    require(
        exchange.perform(
            message -> {
              reader.over(message);
              while (reader.next()) {
                if (reader.type() == ConntrackMessages.IPCTNL_MSG_CT_NEW) {
                  each.accept(entry.read(reader));
                }
              }
            }));
  }

  /** Deletes all entries of a mark. */
  public void deleteMarked(int mark) {
    ConntrackMessages.deleteMarked(new NetlinkWriter(exchange.request()), mark, WHOLE_MARK);
    require(exchange.perform(message -> {}));
  }

  /** A dump that the table's growth interrupted has shown what did not change meanwhile. */
  private static void require(int errno) {
    if (errno != 0 && errno != Errno.EINTR && errno != Errno.ENOENT) {
      throw new LinuxException("ctnetlink", errno);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
