package dev.oxbow.fdpassing.eventloop;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.NetSockets.Taken;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.AbstractEpollStreamChannel;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.AsyncResult;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.impl.tcp.NetSocketImpl;
import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One connection on its way out of Vert.x, see {@link NetSockets#take}. It stands in the pipeline
 * just before Vert.x's own handler and does three things at once: it keeps what still comes in to
 * itself, sends a marker behind what Vert.x has queued for delivery, and another one behind what is
 * queued for writing. When both markers have arrived, nothing is left in user space.
 *
 * <pre>
 * head -- ... -- this --marker--> Vert.x: pending, queue --> collect()
 * head <-- outbound buffer <-- Vert.x: queue &lt;--marker-- begin()
 * </pre>
 *
 * <p>Loop thread, but for {@link #collect}, which runs where the socket's handlers do.
 */
final class SocketTake extends ChannelDuplexHandler {
  private static final Object MARKER = new Object();

  private final NetSocketImpl socket;
  private final AbstractEpollStreamChannel channel;
  private final Promise<Taken> promise;

  /** What Vert.x had read before; complete once the marker has come out. */
  private final Buffer delivered = Buffer.buffer();

  /** What came afterwards: only until reading stops, and at the end of the stream. */
  private final Buffer late = Buffer.buffer();

  private @Nullable ChannelHandlerContext place;
  private @Nullable Descriptor copy;
  private boolean collected;
  private boolean flushed;
  private boolean done;

  SocketTake(NetSocketImpl socket, AbstractEpollStreamChannel channel, Promise<Taken> promise) {
    this.socket = socket;
    this.channel = channel;
    this.promise = promise;
  }

  void begin() {
    if (!channel.isActive()) {
      promise.fail(new IOException("the connection is closed"));
      return;
    }
    if (channel.pipeline().get(SocketTake.class) != null) {
      promise.fail(new IllegalArgumentException("the socket is being taken already"));
      return;
    }
    try {
      copy = Descriptor.adopt(Syscalls.fcntl(channel.fd().intValue(), Syscalls.F_DUPFD_CLOEXEC, 3));
    } catch (LinuxException e) {
      promise.fail(e);
      return;
    }
    channel.closeFuture().addListener(closed -> closedFirst());
    // Otherwise the end of the stream, which is told even when nobody reads, closes the channel.
    channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
    channel.config().setAutoRead(false);
    ChannelHandlerContext vertxHandler = socket.channelHandlerContext();
    channel.pipeline().addBefore(vertxHandler.name(), null, this);
    removeOthers(vertxHandler);
    socket.messageHandler(this::collect);
    socket.resume();
    if (place != null) {
      place.fireChannelRead(MARKER);
      place.fireChannelReadComplete();
    }
    flush();
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    place = context;
  }

  /** Idle timers end here, and decoders pass on what they hold. */
  private void removeOthers(ChannelHandlerContext vertxHandler) {
    for (Map.Entry<String, io.netty.channel.ChannelHandler> entry : channel.pipeline()) {
      boolean ours = entry.getValue() == this || entry.getValue() == vertxHandler.handler();
      if (!ours) {
        channel.pipeline().remove(entry.getValue());
      }
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    try {
      append(late, message);
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  /** Vert.x asks for more when its queue is empty; it shall come from the descriptor. */
  @Override
  public void read(ChannelHandlerContext context) {}

  /** The end of the input, which the descriptor will tell again. */
  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    ReferenceCountUtil.release(event);
  }

  /** On the socket's context: what Vert.x had queued, in order, and then the marker. */
  private void collect(Object message) {
    if (message == MARKER) {
      channel
          .eventLoop()
          .execute(
              () -> {
                collected = true;
                detach();
              });
      return;
    }
    try {
      append(delivered, message);
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  private static void append(Buffer to, Object message) {
    if (message instanceof Buffer buffer) {
      to.appendBuffer(buffer);
    } else if (message instanceof ByteBuf bytes) {
      byte[] copy = new byte[bytes.readableBytes()];
      bytes.readBytes(copy);
      to.appendBytes(copy);
    }
  }

  private void flush() {
    socket.writeMessage(Unpooled.EMPTY_BUFFER).onComplete(this::written);
  }

  /** On the socket's context. A failed write closes the channel, and that is told elsewhere. */
  private void written(AsyncResult<Void> result) {
    if (result.succeeded()) {
      channel
          .eventLoop()
          .execute(
              () -> {
                flushed = true;
                detach();
              });
    }
  }

  private void detach() {
    if (!collected || !flushed || done || place == null || copy == null) {
      return;
    }
    if (!channel.isActive()) {
      return;
    }
    if (channel.unsafe().outboundBuffer().totalPendingWriteBytes() > 0) {
      // Somebody wrote after all. A half-written buffer must not be cut off.
      flushed = false;
      flush();
      return;
    }
    done = true;
    Descriptor descriptor = copy;
    socket.closeHandler(null).endHandler(null).exceptionHandler(null).drainHandler(null);
    // From here towards the transport: EPOLL_CTL_DEL and close(2) of one of two descriptors.
    ChannelFuture closed = place.close();
    closed.addListener(
        future -> promise.complete(new Taken(descriptor, delivered.appendBuffer(late))));
  }

  private void closedFirst() {
    if (!done) {
      done = true;
      if (copy != null) {
        copy.close();
      }
      promise.fail(new IOException("the connection was closed before everything was flushed"));
    }
  }
}
