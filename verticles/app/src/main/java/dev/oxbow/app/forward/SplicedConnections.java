package dev.oxbow.app.forward;

import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.handoff.task.TaskGroup;
import dev.oxbow.splicer.Relay;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerException;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands clients and their targets to a Splicer, and writes a line for each when it has ended.
 * Whatever did not end in order is closed with a reset on both sides, so that no peer takes a part
 * for the whole. Loop thread only.
 */
public final class SplicedConnections {
  private static final Logger log = LoggerFactory.getLogger(SplicedConnections.class);

  // include/uapi/linux/tcp.h
  private static final int TCP_NODELAY = 1;

  private final Splicer splicer;
  private final AccessLog accessLog;
  private final ForwardLimits limits;
  private final TaskGroup splices = new TaskGroup();

  /**
   * A client on its way to a target.
   *
   * @param socket its connection
   * @param address where it is; null when it has gone
   * @param listen where it came in
   * @param target where it is to go
   */
  public record Client(
      Descriptor socket, @Nullable String address, @Nullable String listen, String target) {

    /** A client that a listener has accepted. */
    static Client of(Descriptor socket, Target target) {
      return new Client(
          socket, addressOf(socket, true), addressOf(socket, false), target.toString());
    }
  }

  /** Takes the reports of the Splicer that nobody awaits, too: those of an earlier life. */
  public SplicedConnections(Splicer splicer, AccessLog accessLog, ForwardLimits limits) {
    this.splicer = splicer;
    this.accessLog = accessLog;
    this.limits = limits;
    splicer.unclaimedHandler(this::finished);
  }

  /** Hands over a client and its target; both sockets are owned by this object from here on. */
  public void splice(Client client, Descriptor server, long connectMs) {
    noDelay(client.socket);
    noDelay(server);
    SpliceRequest request =
        limits
            .applyTo(new SpliceRequest(client.socket, server))
            .setMetadata(
                AccessEntry.metadata(
                    client.address,
                    client.listen,
                    client.target,
                    connectMs,
                    ProcessHandle.current().pid()));
    splices.begin();
    splicer
        .splice(request)
        .onSuccess(relay -> await(relay, client.target, connectMs))
        .onFailure(
            failure -> {
              boolean open = failure instanceof SplicerException e && e.outcomeOpen();
              if (open) {
                // A relay may run: it goes on. If none does, the target must see no orderly end.
                Sockets.linger(server.fd(), true);
              }
              server.close();
              giveUp(client, connectMs, open ? "lost" : "refused", nameOf(failure));
            })
        .onComplete(done -> splices.end());
  }

  /** Completes when no answer of the Splicer is owed. */
  Future<Void> whenHandedOver() {
    return splices.whenIdle();
  }

  /** Without a report there are no sockets to close, but there is a line to write. */
  private void await(Relay relay, String target, long connectMs) {
    relay
        .finished()
        .onSuccess(this::finished)
        .onFailure(
            failure ->
                accessLog.write(
                    AccessEntry.failed(null, null, target, connectMs, "lost", nameOf(failure))));
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

  /** Resets a client whose target cannot be reached, and writes its line. */
  public void connectFailed(Client client, long connectMs, Throwable why) {
    giveUp(client, connectMs, "connect-failed", nameOf(why));
  }

  private void giveUp(Client client, long connectMs, String reason, String error) {
    accessLog.write(
        AccessEntry.failed(client.address, client.listen, client.target, connectMs, reason, error));
    Sockets.linger(client.socket.fd(), true);
    client.socket.close();
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
}
