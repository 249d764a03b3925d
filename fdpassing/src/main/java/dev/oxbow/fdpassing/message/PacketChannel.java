package dev.oxbow.fdpassing.message;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One end of a SOCK_SEQPACKET connection on an event loop. It never queues: {@link #send} says when
 * the peer does not read, and {@link Listener#writable()} when it does again. Loop thread only.
 */
public final class PacketChannel {

  /** Who the channel's events go to, on the loop's thread. */
  public interface Listener {
    /** A packet came; the callee owns its descriptors. */
    void packet(Packet packet);

    /** Something may have come; {@link #setReading} leaves it for later. */
    default void readable() {}

    /** A send that did not go through may be tried again. */
    void writable();

    /** The peer has closed or broken the connection; told once, not after {@link #close()}. */
    void closed();
  }

  private static final int PACKETS_PER_TURN = 16;
  private static final long RETRY_NANOS = 5_000_000;
  private static final Packet EMPTY = new Packet(new byte[0], List.of(), false, false);

  private final Descriptor socket;
  private final DescriptorLoop loop;
  private final PacketBuffer buffer;
  private final Listener listener;
  private @Nullable Registration registration;
  private boolean reading = true;
  private boolean wantsWritable;
  private boolean open = true;
  private boolean peerGone;
  private boolean parked;
  private boolean retrying;
  private boolean frozen;

  /**
   * Starts to read.
   *
   * @param socket a connected non-blocking socket; the channel owns it
   * @param buffer may be shared by all channels of the loop
   */
  public PacketChannel(
      DescriptorLoop loop, Descriptor socket, PacketBuffer buffer, Listener listener) {
    this(loop, socket, buffer, listener, false);
  }

  private PacketChannel(
      DescriptorLoop loop,
      Descriptor socket,
      PacketBuffer buffer,
      Listener listener,
      boolean frozen) {
    this.loop = loop;
    this.socket = socket;
    this.buffer = buffer;
    this.listener = listener;
    this.frozen = frozen;
    this.registration = frozen ? null : loop.register(socket.fd(), interest(), this::ready);
  }

  /** A channel that does nothing until {@link #thaw()}. */
  public static PacketChannel frozen(
      DescriptorLoop loop, Descriptor socket, PacketBuffer buffer, Listener listener) {
    return new PacketChannel(loop, socket, buffer, listener, true);
  }

  /**
   * Stops to touch the socket: another process may have it. What comes waits in the kernel, and
   * nothing is sent. Idempotent.
   */
  public void freeze() {
    frozen = true;
    deregister();
  }

  /** Goes on; {@link Listener#writable()} follows. */
  public void thaw() {
    if (open && frozen) {
      frozen = false;
      parked = false;
      registration = loop.register(socket.fd(), interest(), this::ready);
      loop.execute(this::retry);
    }
  }

  /** The socket, still owned by the channel. */
  public Descriptor socket() {
    return socket;
  }

  private void deregister() {
    if (registration != null) {
      registration.cancel();
      registration = null;
    }
  }

  /**
   * Sends one packet or nothing of it. The caller still owns the descriptors.
   *
   * @return false when the peer's queue is full or nobody is there to read; {@link
   *     Listener#writable()} follows, unless the channel was closed
   */
  public boolean send(byte[] bytes, List<Descriptor> descriptors) {
    if (!open || peerGone || frozen) {
      return false;
    }
    try {
      if (buffer.send(socket.fd(), bytes, descriptors)) {
        return true;
      }
      wantWritable(true);
    } catch (LinuxException e) {
      switch (e.errno()) {
        case Errno.EPIPE, Errno.ECONNRESET, Errno.ENOTCONN -> {
          // What the peer sent before it went still counts: read on until the end.
          peerGone = true;
          loop.execute(this::retry);
        }
        case Errno.ETOOMANYREFS ->
            // Too many descriptors of this user are in flight: no event tells when that changes.
            retryLater();
        default -> throw e;
      }
    }
    return false;
  }

  /** Stops or resumes reading; what the peer sends meanwhile waits in the kernel. */
  public void setReading(boolean wanted) {
    if (open && reading != wanted) {
      reading = wanted;
      if (parked && !frozen) {
        parked = false;
        registration = loop.register(socket.fd(), interest(), this::ready);
      } else {
        updateInterest();
      }
    }
  }

  /** Whether the peer can no longer receive; what it had sent may still be read. */
  public boolean peerGone() {
    return peerGone;
  }

  /** Whether the channel can still be used. */
  public boolean isOpen() {
    return open;
  }

  /** The number of the socket, for questions about it such as its peer's credentials. */
  public int fd() {
    return socket.fd();
  }

  /** Closes the connection. Idempotent; {@link Listener#closed()} does not follow. */
  public void close() {
    if (open) {
      open = false;
      deregister();
      socket.close();
    }
  }

  private void ready(int events) {
    if ((events & Readiness.EPOLLOUT) != 0 && wantsWritable) {
      wantWritable(false);
      listener.writable();
    }
    if (open && reading) {
      listener.readable();
      if (!read()) {
        return;
      }
    }
    if (open && !reading && (events & Readiness.EPOLLHUP) != 0) {
      // Hang-up cannot be masked, and would spin until somebody wants to read the rest.
      parked = true;
      peerGone = true;
      deregister();
      loop.execute(this::retry);
    }
  }

  /**
   * Receives what has come, as if the loop had told so; no more than is fair.
   *
   * @return false when there is no more for now
   */
  public boolean read() {
    for (int i = 0; open && reading && !frozen && i < PACKETS_PER_TURN; i++) {
      if (!receive()) {
        return false;
      }
    }
    return true;
  }

  /** Receives one packet; false when there is no more for now. */
  private boolean receive() {
    PacketBuffer.Received received;
    try {
      received = buffer.receive(socket.fd());
    } catch (LinuxException e) {
      if (e.errno() == Errno.ECONNRESET) {
        // Told once, before what the peer had sent: read on until the end.
        return true;
      }
      throw e;
    }
    if (received == PacketBuffer.Received.AGAIN) {
      return false;
    }
    boolean nothing = received == PacketBuffer.Received.NOTHING;
    if (nothing && ended()) {
      lost();
      return false;
    }
    listener.packet(nothing ? EMPTY : buffer.packet());
    return true;
  }

  /**
   * Whether "nothing" was the end of the connection, and not an empty packet. What epoll said is
   * older than the packets read since, so the kernel is asked again; and an empty packet may stand
   * before others of a peer that is gone. Empty ones behind all others count as the end.
   */
  private boolean ended() {
    int hangUp = Sockets.POLLRDHUP | Sockets.POLLHUP;
    return (Sockets.poll(socket.fd(), Sockets.POLLRDHUP, 0) & hangUp) != 0
        && Syscalls.bytesWaiting(socket.fd()) == 0;
  }

  /** Asks the listener to try again in a moment; at most one such promise at a time. */
  public void retryLater() {
    if (!retrying) {
      retrying = true;
      loop.schedule(this::retry, RETRY_NANOS);
    }
  }

  /** Bytes that the peer has not read yet, with what the kernel adds to them (SIOCOUTQ). */
  public int unread() {
    return Syscalls.bytesUnsent(socket.fd());
  }

  private void retry() {
    retrying = false;
    if (open && !frozen) {
      listener.writable();
    }
  }

  private void lost() {
    if (open) {
      close();
      listener.closed();
    }
  }

  private void wantWritable(boolean wanted) {
    if (wantsWritable != wanted) {
      wantsWritable = wanted;
      updateInterest();
    }
  }

  private void updateInterest() {
    if (registration != null) {
      registration.want(interest());
    }
  }

  private int interest() {
    return (reading ? Readiness.EPOLLIN | Readiness.EPOLLRDHUP : 0)
        | (wantsWritable ? Readiness.EPOLLOUT : 0);
  }
}
