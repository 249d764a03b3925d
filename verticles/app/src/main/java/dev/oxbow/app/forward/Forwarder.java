package dev.oxbow.app.forward;

import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.splicer.Relay;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerException;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Context;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Forwards connections: accept, connect, splice, log. Whatever did not end in order is closed with
 * a reset on both sides, so that no peer takes a part for the whole. Loop thread only.
 */
final class Forwarder {
  private static final Logger log = LoggerFactory.getLogger(Forwarder.class);

  // include/uapi/linux/tcp.h
  private static final int TCP_NODELAY = 1;

  private final Context context;
  private final DescriptorLoop loop;
  private final Splicer splicer;
  private final AccessLog accessLog;
  private final ForwardLimits limits;
  private final long connectTimeoutMs;

  Forwarder(
      Context context,
      Splicer splicer,
      AccessLog accessLog,
      ForwardLimits limits,
      long connectTimeoutMs) {
    this.context = context;
    this.loop = DescriptorLoop.of(context);
    this.splicer = splicer;
    this.accessLog = accessLog;
    this.limits = limits;
    this.connectTimeoutMs = connectTimeoutMs;
    splicer.unclaimedHandler(this::finished);
  }

  /** Listens on an address for connections to a target. */
  Acceptor listen(Address address, Target target) {
    return Acceptor.listen(address, loop, client -> forward(client, target));
  }

  /**
   * Takes over a listening socket, for connections to a target.
   *
   * @param listener owned by the acceptor
   */
  Acceptor adopt(Descriptor listener, Target target) {
    return Acceptor.adopt(listener, loop, client -> forward(client, target));
  }

  private void forward(Descriptor client, Target target) {
    long began = System.nanoTime();
    target
        .sockaddr(context)
        .compose(sockaddr -> Connector.connect(loop, sockaddr, connectTimeoutMs))
        .onFailure(
            failure -> giveUp(client, target, msSince(began), "connect-failed", nameOf(failure)))
        .onSuccess(server -> splice(client, server, target, msSince(began)));
  }

  private void splice(Descriptor client, Descriptor server, Target target, long connectMs) {
    noDelay(client);
    noDelay(server);
    SpliceRequest request =
        limits
            .applyTo(new SpliceRequest(client, server))
            .setMetadata(
                AccessEntry.metadata(
                    addressOf(client, true),
                    target.toString(),
                    connectMs,
                    ProcessHandle.current().pid()));
    splicer
        .splice(request)
        .onSuccess(relay -> await(relay, target, connectMs))
        .onFailure(
            failure -> {
              boolean open = failure instanceof SplicerException e && e.outcomeOpen();
              if (open) {
                // A relay may run: it goes on. If none does, the target must see no orderly end.
                Sockets.linger(server.fd(), true);
              }
              server.close();
              giveUp(client, target, connectMs, open ? "lost" : "refused", nameOf(failure));
            });
  }

  /** Without a report there are no sockets to close, but there is a line to write. */
  private void await(Relay relay, Target target, long connectMs) {
    relay
        .finished()
        .onSuccess(this::finished)
        .onFailure(
            failure ->
                accessLog.write(
                    AccessEntry.failed(
                        null, null, target.toString(), connectMs, "lost", nameOf(failure))));
  }

  private void finished(SpliceReport report) {
    try (report) {
      accessLog.write(AccessEntry.of(report));
      // Said in both cases: a forwarder whose answer was lost has left its sockets to be reset.
      boolean reset = report.reason() != EndReason.EOF;
      Sockets.linger(report.a().socket().fd(), reset);
      Sockets.linger(report.b().socket().fd(), reset);
    }
  }

  private void giveUp(
      Descriptor client, Target target, long connectMs, String reason, String error) {
    accessLog.write(
        AccessEntry.failed(
            addressOf(client, true),
            addressOf(client, false),
            target.toString(),
            connectMs,
            reason,
            error));
    Sockets.linger(client.fd(), true);
    client.close();
  }

  /** Null when the client has gone meanwhile. */
  private static @Nullable String addressOf(Descriptor client, boolean peer) {
    try {
      int fd = client.fd();
      return SocketAddresses.text(peer ? Sockets.peerAddress(fd) : Sockets.localAddress(fd));
    } catch (LinuxException e) {
      return null;
    }
  }

  /** A relay writes what it has: Nagle's algorithm would hold small messages back. */
  private static void noDelay(Descriptor socket) {
    try {
      Sockets.setOption(socket.fd(), Sockets.IPPROTO_TCP, TCP_NODELAY, 1);
    } catch (LinuxException e) {
      log.debug("{} is relayed all the same: {}", socket, e.getMessage());
    }
  }

  private static String nameOf(Throwable failure) {
    if (failure instanceof LinuxException e) {
      return Errno.name(e.errno());
    }
    return failure instanceof SplicerException e ? e.code().wireName() : failure.toString();
  }

  private static long msSince(long nanos) {
    return (System.nanoTime() - nanos) / 1_000_000;
  }
}
