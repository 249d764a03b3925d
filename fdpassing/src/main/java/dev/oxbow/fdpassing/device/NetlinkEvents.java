package dev.oxbow.fdpassing.device;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.nio.ByteBuffer;

/**
 * Multicast events of a socket, on an event loop. It does not own the socket. Nothing is allocated
 * per event. Loop thread only.
 */
public final class NetlinkEvents implements AutoCloseable {

  /** Told of events. */
  public interface Listener {

    /**
     * A message.
     *
     * @param message between position and limit; valid until this returns
     */
    void event(ByteBuffer message);

    /** Events were lost (ENOBUFS): what is known must be compared with a dump. */
    void resyncNeeded();
  }

  /** Datagrams in one turn of the loop at most: others want to be served as well. */
  private static final int TURN = 64;

  private final DescriptorLoop loop;
  private final NetlinkSocket socket;
  private final Listener listener;
  private final NativeMemory in = NativeMemory.allocate(NetlinkSocket.DATAGRAM_BYTES);
  private final ByteBuffer message = in.view();
  private final NetlinkFrame frame = new NetlinkFrame(in);
  private final Registration registration;
  private boolean closed;

  private NetlinkEvents(DescriptorLoop loop, NetlinkSocket socket, Listener listener) {
    this.loop = loop;
    this.socket = socket;
    this.listener = listener;
    int events = Readiness.EPOLLIN | Readiness.EPOLLET;
    this.registration = loop.register(socket.fd(), events, ready -> turn());
  }

  /**
   * Begins to listen.
   *
   * @param socket has joined its groups; nothing else receives from it
   */
  public static NetlinkEvents open(DescriptorLoop loop, NetlinkSocket socket, Listener listener) {
    return new NetlinkEvents(loop, socket, listener);
  }

  /** Stops listening; the socket stays open. Idempotent. */
  @Override
  public void close() {
    closed = true;
    registration.cancel();
  }

  private void turn() {
    for (int i = 0; i < TURN && !closed; i++) {
      int n = receive();
      if (n == Syscalls.AGAIN) {
        return;
      }
      frame.over(n);
      while (!closed && frame.next()) {
        listener.event(message.limit(frame.start() + frame.length()).position(frame.start()));
      }
    }
    if (!closed) {
      loop.schedule(this::turn, 0);
    }
  }

  private int receive() {
    try {
      return socket.receive(in);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOBUFS) {
        throw e;
      }
      listener.resyncNeeded();
      return 0;
    }
  }
}
