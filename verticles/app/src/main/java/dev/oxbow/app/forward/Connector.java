package dev.oxbow.app.forward;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import org.jspecify.annotations.Nullable;

/** One attempt to connect to a target. Loop thread only. */
final class Connector {
  private final DescriptorLoop loop;
  private final Descriptor socket;
  private final Promise<Descriptor> connected = Promise.promise();
  private @Nullable Registration registration;
  private @Nullable Timer timeout;

  private Connector(DescriptorLoop loop, Descriptor socket) {
    this.loop = loop;
    this.socket = socket;
  }

  /**
   * Connects.
   *
   * @param sockaddr as {@link Sockaddr} makes it
   * @param timeoutMs how long to wait for the peer
   * @return a non-blocking socket that the callee owns; fails with {@link LinuxException}
   */
  static Future<Descriptor> connect(DescriptorLoop loop, byte[] sockaddr, long timeoutMs) {
    Descriptor socket;
    try {
      int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
      socket = Descriptor.adopt(Sockets.socket(Sockaddr.family(sockaddr), type));
    } catch (LinuxException e) {
      return Future.failedFuture(e);
    }
    Connector connector = new Connector(loop, socket);
    connector.begin(sockaddr, timeoutMs);
    return connector.connected.future();
  }

  private void begin(byte[] sockaddr, long timeoutMs) {
    try {
      if (Sockets.connect(socket.fd(), sockaddr)) {
        connected.complete(socket);
        return;
      }
      registration = loop.register(socket.fd(), Readiness.EPOLLOUT, this::ready);
      timeout = loop.schedule(() -> end(Errno.ETIMEDOUT), timeoutMs * 1_000_000);
    } catch (LinuxException e) {
      end(e.errno());
    }
  }

  private void ready(int events) {
    end(Sockets.option(socket.fd(), Sockets.SOL_SOCKET, Sockets.SO_ERROR));
  }

  private void end(int errno) {
    if (connected.future().isComplete()) {
      return;
    }
    if (timeout != null) {
      timeout.cancel();
    }
    if (registration != null) {
      registration.cancel();
    }
    if (errno == 0) {
      connected.complete(socket);
    } else {
      socket.close();
      connected.fail(new LinuxException("connect", errno));
    }
  }
}
