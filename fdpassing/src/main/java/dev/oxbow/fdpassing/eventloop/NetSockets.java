package dev.oxbow.fdpassing.eventloop;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import io.netty.channel.Channel;
import io.netty.channel.epoll.AbstractEpollStreamChannel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.ssl.SslHandler;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.impl.VertxHandler;
import io.vertx.core.net.impl.tcp.NetSocketImpl;

/**
 * Vert.x sockets become descriptors and descriptors become Vert.x sockets, while they are connected
 * and without losing a byte. Vert.x has no SPI for this, so all that it keeps internal and that is
 * needed here stands in this class and in {@link SocketTake}.
 */
public final class NetSockets {

  /**
   * A connection that has left Vert.x.
   *
   * @param descriptor the connected, non-blocking socket; the callee owns it
   * @param unread bytes that Vert.x had read from it and not delivered: they come before whatever
   *     the descriptor still has to read
   */
  public record Taken(Descriptor descriptor, Buffer unread) {}

  private NetSockets() {}

  /**
   * Takes a connection away from Vert.x. Whatever was written to the socket before is flushed
   * first, so the future waits while the peer does not read; closing the socket gives up.
   *
   * <p>From this call on the socket must be left alone: none of its handlers is called any more,
   * neither for data nor for the end, since the connection has not ended; what is written to it
   * later may get lost. Once the future succeeds the socket counts as closed for Vert.x (its
   * metrics, its server, its undeployed verticle), without a shutdown(2) of the connection. When
   * the future fails because the connection was closed first, the close handler is called as
   * always. A running {@code sendFile} is not waited for. Any thread.
   *
   * @param socket a plain socket of a Vert.x with native epoll
   * @return fails with {@link IllegalArgumentException} for TLS (its keys are in user space) and
   *     for what is no socket of its own, such as a stream of HTTP/2: that socket stays as it is;
   *     with {@link LinuxException} EMFILE, likewise but paused; with {@link java.io.IOException}
   *     when the connection closes before everything is flushed
   */
  public static Future<Taken> take(NetSocket socket) {
    if (!(socket instanceof NetSocketImpl own)
        || !(own.channel() instanceof AbstractEpollStreamChannel channel)) {
      return refused(socket + " is no socket of its own on native epoll");
    }
    if (socket.isSsl() || channel.pipeline().get(SslHandler.class) != null) {
      return refused("a TLS connection cannot be taken: its keys are in user space");
    }
    Promise<Taken> promise = own.context().promise();
    // At once, in whichever thread: what is read before the loop's turn comes waits in the queue.
    own.pause();
    SocketTake take = new SocketTake(own, channel, promise);
    if (channel.eventLoop().inEventLoop()) {
      take.begin();
    } else {
      channel.eventLoop().execute(take::begin);
    }
    return promise.future();
  }

  /**
   * Makes a Vert.x socket of a connection, and O_NONBLOCK is set. Set its handlers in the callback
   * of the future: bytes that come before are dropped, as with any socket of Vert.x. As always with
   * Vert.x, the peer's half-close ends the whole connection, after everything was delivered. The
   * socket knows no TLS upgrade and no metrics. Any thread.
   *
   * @param context whose event loop and thread will serve the socket
   * @param descriptor a connected stream socket, TCP or AF_UNIX; the Vert.x socket owns it from
   *     here on, unless the future fails with {@link IllegalArgumentException}
   * @return fails with {@link IllegalArgumentException} for other descriptors, with {@link
   *     java.io.IOException} when the connection is broken (SO_ERROR)
   * @throws IllegalStateException when Vert.x does not run on native epoll
   */
  public static Future<NetSocket> give(Context context, Descriptor descriptor) {
    ContextInternal internal = (ContextInternal) context;
    DescriptorLoop.of(context);
    int domain = streamDomain(descriptor.fd());
    if (domain < 0) {
      return internal.failedFuture(
          new IllegalArgumentException(descriptor + " is no connected stream socket"));
    }
    int flags = Syscalls.fcntl(descriptor.fd(), Syscalls.F_GETFL, 0);
    Syscalls.fcntl(descriptor.fd(), Syscalls.F_SETFL, flags | Syscalls.O_NONBLOCK);
    int fd = descriptor.release();
    Channel channel =
        domain == Sockets.AF_UNIX ? new EpollDomainSocketChannel(fd) : new EpollSocketChannel(fd);
    Promise<NetSocket> promise = internal.promise();
    if (!channel.isActive()) {
      channel.unsafe().closeForcibly();
      promise.fail(new java.io.IOException("the connection is broken"));
      return promise.future();
    }
    internal
        .nettyEventLoop()
        .register(channel)
        .addListener(
            registered -> {
              if (registered.isSuccess()) {
                serve(internal, channel, promise);
              } else {
                channel.unsafe().closeForcibly();
                promise.fail(registered.cause());
              }
            });
    return promise.future();
  }

  private static void serve(ContextInternal context, Channel channel, Promise<NetSocket> promise) {
    VertxHandler<NetSocketImpl> handler =
        VertxHandler.create(
            pipeline -> new NetSocketImpl(context, pipeline, null, null, null, null, false));
    handler.addHandler(promise::complete);
    channel.pipeline().addLast("handler", handler);
  }

  /** The address family of a connected stream socket, else -1. */
  private static int streamDomain(int fd) {
    int type = Sockets.tryOption(fd, Sockets.SOL_SOCKET, Sockets.SO_TYPE);
    int listens = Sockets.tryOption(fd, Sockets.SOL_SOCKET, Sockets.SO_ACCEPTCONN);
    int domain = Sockets.tryOption(fd, Sockets.SOL_SOCKET, Sockets.SO_DOMAIN);
    boolean known =
        domain == Sockets.AF_UNIX || domain == Sockets.AF_INET || domain == Sockets.AF_INET6;
    boolean stream = type == Sockets.SOCK_STREAM && listens == 0 && known;
    return stream && connected(fd) ? domain : -1;
  }

  private static boolean connected(int fd) {
    try {
      return Sockets.peerAddress(fd).length > 0;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOTCONN) {
        return false;
      }
      throw e;
    }
  }

  private static Future<Taken> refused(String why) {
    return Future.failedFuture(new IllegalArgumentException(why));
  }
}
