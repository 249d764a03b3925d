package dev.oxbow.handoff.upgrade;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.fdpassing.message.PacketBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The connection between two processes of an upgrade: SOCK_SEQPACKET, one JSON object a packet,
 * descriptors attached. Calls block, each for a bounded time. One thread.
 */
final class HandoffChannel implements AutoCloseable {

  /** What came. The receiver owns the descriptors. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Received(Message message, byte[] json, List<Descriptor> descriptors) {}

  /** The other end is gone, or what came makes no sense; the upgrade is over. */
  static final class BrokenException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final boolean ended;

    BrokenException(String why, boolean ended) {
      super(why);
      this.ended = ended;
    }

    /** Whether the other end closed the connection or died. */
    boolean ended() {
      return ended;
    }
  }

  private final Descriptor socket;
  private final PacketBuffer buffer = new PacketBuffer();
  private Faults faults = Faults.none();

  HandoffChannel(Descriptor socket) {
    this.socket = socket;
  }

  /** Sends with faults on demand from here on. */
  void use(Faults demanded) {
    faults = demanded;
  }

  /** Sends a message without descriptors. */
  void send(MessageWriter message, int timeoutMs) {
    send(message, List.of(), timeoutMs);
  }

  /**
   * Sends a message; the descriptors stay the caller's.
   *
   * @throws BrokenException when the other end does not read in time or is gone
   */
  void send(MessageWriter message, List<Descriptor> descriptors, int timeoutMs) {
    byte[] bytes = faults.onSend(message.bytes(), this::cut);
    if (bytes == null) {
      return;
    }
    long until = System.nanoTime() + timeoutMs * 1_000_000L;
    while (true) {
      try {
        if (buffer.send(socket.fd(), bytes, descriptors)) {
          return;
        }
      } catch (LinuxException e) {
        // In flight until they are received: fewer, a moment later (unix(7)).
        if (e.errno() != Errno.ETOOMANYREFS) {
          throw new BrokenException(String.valueOf(e.getMessage()), true);
        }
      }
      int left = (int) Math.max(0, (until - System.nanoTime()) / 1_000_000);
      if (left == 0) {
        throw new BrokenException("does not read within " + timeoutMs + " ms", false);
      }
      Sockets.poll(socket.fd(), Sockets.POLLOUT, Math.min(left, 10));
    }
  }

  /**
   * Waits for a message.
   *
   * @throws BrokenException when none comes in time, the other end is gone, or it is damaged
   */
  Received receive(int timeoutMs) {
    Received received = poll(timeoutMs);
    if (received == null) {
      throw new BrokenException("nothing within " + timeoutMs + " ms", false);
    }
    return received;
  }

  /** Waits for a message; null when none comes in time. */
  @Nullable Received poll(int timeoutMs) {
    long until = System.nanoTime() + timeoutMs * 1_000_000L;
    while (true) {
      try {
        switch (buffer.receive(socket.fd())) {
          case PACKET -> {
            return parsed(buffer.packet());
          }
          case NOTHING -> throw new BrokenException("the connection has ended", true);
          default -> {}
        }
      } catch (LinuxException e) {
        throw new BrokenException(String.valueOf(e.getMessage()), true);
      }
      int left = (int) Math.max(0, (until - System.nanoTime() + 999_999) / 1_000_000);
      if (left == 0) {
        return null;
      }
      Sockets.poll(socket.fd(), Sockets.POLLIN, left);
    }
  }

  /** Ends the connection for both. */
  private void cut() {
    Sockets.shutdown(socket.fd(), Sockets.SHUT_RDWR);
  }

  private static Received parsed(Packet packet) {
    try {
      if (packet.tooLong()) {
        throw new BrokenException("a message longer than a packet may be", false);
      }
      Message message = Message.parse(packet.bytes());
      int named = message.strings("fds").size();
      if (!packet.descriptorsLost() && named == packet.descriptors().size()) {
        return new Received(message, packet.bytes(), packet.descriptors());
      }
      throw new BrokenException(
          packet.descriptorsLost()
              ? "no descriptor number left for what comes"
              : named + " descriptors named and " + packet.descriptors().size() + " attached",
          false);
    } catch (RuntimeException e) {
      Descriptor.closeAll(packet.descriptors());
      if (e instanceof BrokenException broken) {
        throw broken;
      }
      throw new BrokenException("a damaged message: " + e.getMessage(), false);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
