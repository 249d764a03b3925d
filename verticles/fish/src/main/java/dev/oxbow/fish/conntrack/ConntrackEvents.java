package dev.oxbow.fish.conntrack;

import dev.oxbow.codecs.netlink.ConntrackMessages;
import dev.oxbow.codecs.netlink.ConntrackReader;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.codecs.netlink.NetlinkReader;
import dev.oxbow.fdpassing.device.NetlinkEvents;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import java.nio.ByteBuffer;

/**
 * Hears that entries of a mark are gone. A hint: it comes up to a minute late, and not at all for
 * entries that were made while the namespace had no events (nf_conntrack_events). Loop thread only.
 */
public final class ConntrackEvents implements AutoCloseable {
  private static final int RECEIVE_BUFFER_BYTES = 4 << 20;

  /** Told of entries. */
  public interface Listener {

    /**
     * An entry is gone.
     *
     * @param original as the client's packets had it; valid until this returns
     */
    void destroyed(ConntrackTuple original);

    /** Some were missed: what is known must be compared with a dump. */
    void resyncNeeded();
  }

  private final NetlinkSocket socket;
  private final NetlinkEvents events;

  private ConntrackEvents(NetlinkSocket socket, NetlinkEvents events) {
    this.socket = socket;
    this.events = events;
  }

  /** A socket for {@link #listen}, in the calling thread's network namespace. */
  public static NetlinkSocket open() {
    return open(RECEIVE_BUFFER_BYTES);
  }

  /** A socket with room for so many bytes of events that were not read yet. */
  public static NetlinkSocket open(int receiveBufferBytes) {
    NetlinkSocket socket = NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER, receiveBufferBytes);
    try {
      socket.join(ConntrackMessages.NFNLGRP_CONNTRACK_DESTROY);
      return socket;
    } catch (RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  /**
   * Begins to listen.
   *
   * @param socket owned from here on
   * @param mark entries of others are left out
   */
  public static ConntrackEvents listen(
      DescriptorLoop loop, NetlinkSocket socket, int mark, Listener listener) {
    return new ConntrackEvents(
        socket, NetlinkEvents.open(loop, socket, new Reader(mark, listener)));
  }

  @Override
  public void close() {
    events.close();
    socket.close();
  }

  private static final class Reader implements NetlinkEvents.Listener {
    private final int mark;
    private final Listener listener;
    private final NetlinkReader reader = new NetlinkReader();
    private final ConntrackReader entry = new ConntrackReader();

    Reader(int mark, Listener listener) {
      this.mark = mark;
      this.listener = listener;
    }

    @Override
    public void event(ByteBuffer message) {
      reader.over(message);
      while (reader.next()) {
        if (reader.type() == ConntrackMessages.IPCTNL_MSG_CT_DELETE
            && entry.read(reader).mark() == mark) {
          listener.destroyed(entry.original());
        }
      }
    }

    @Override
    public void resyncNeeded() {
      listener.resyncNeeded();
    }
  }
}
