package dev.oxbow.app.forward;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import org.jspecify.annotations.Nullable;

/**
 * One attempt to connect to a target. While it is frozen the kernel goes on connecting, and another
 * process may look at the result. Loop thread only.
 */
public final class Connector {
  private final DescriptorLoop loop;
  private final Descriptor socket;
  private final long deadlineNanos;
  private final Promise<Descriptor> connected = Promise.promise();
  private @Nullable Registration registration;
  private @Nullable Timer timeout;

  private Connector(DescriptorLoop loop, Descriptor socket, long deadlineNanos) {
    this.loop = loop;
    this.socket = socket;
    this.deadlineNanos = deadlineNanos;
  }

  /**
   * Connects.
   *
   * @param sockaddr as {@link Sockaddr} makes it
   * @param deadlineNanos how long to wait for the peer, by {@link System#nanoTime()}, which is the
   *     same clock in all processes
   * @throws LinuxException when no socket can be made
   */
  public static Connector connect(DescriptorLoop loop, byte[] sockaddr, long deadlineNanos) {
    int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
    int fd = Sockets.socket(Sockaddr.family(sockaddr), type);
    Connector connector = new Connector(loop, Descriptor.adopt(fd), deadlineNanos);
    connector.begin(sockaddr);
    return connector;
  }

  /**
   * Goes on where another process stopped; frozen until {@link #thaw()}.
   *
   * @param socket non-blocking, connecting or connected since; owned by the new object
   */
  static Connector adopt(DescriptorLoop loop, Descriptor socket, long deadlineNanos) {
    return new Connector(loop, socket, deadlineNanos);
  }

  /** A non-blocking socket that the callee owns; fails with {@link LinuxException}. */
  public Future<Descriptor> connected() {
    return connected.future();
  }

  /** The socket, owned by this object until it is connected. */
  Descriptor socket() {
    return socket;
  }

  /** When it gives up. */
  long deadlineNanos() {
    return deadlineNanos;
  }

  private void begin(byte[] sockaddr) {
    try {
      if (Sockets.connect(socket.fd(), sockaddr)) {
        end(0);
      } else {
        thaw();
      }
    } catch (LinuxException e) {
      end(e.errno());
    }
  }

  /** Looks no more at how it goes. */
  void freeze() {
    if (timeout != null) {
      timeout.cancel();
      timeout = null;
    }
    if (registration != null) {
      registration.cancel();
      registration = null;
    }
  }

  /** Looks how it goes. */
  void thaw() {
    registration = loop.register(socket.fd(), Readiness.EPOLLOUT, events -> ready());
    timeout = loop.schedule(() -> end(Errno.ETIMEDOUT), deadlineNanos - System.nanoTime());
  }

  private void ready() {
    end(Sockets.option(socket.fd(), Sockets.SOL_SOCKET, Sockets.SO_ERROR));
  }

  private void end(int errno) {
    if (connected.future().isComplete()) {
      return;
    }
    freeze();
    if (errno == 0) {
      connected.complete(socket);
    } else {
      socket.close();
      connected.fail(new LinuxException("connect", errno));
    }
  }
}
