package dev.oxbow.app.forward;

import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.Acceptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.task.TaskGroup;
import dev.oxbow.splicer.Relay;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerException;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Forwards connections: accept, connect, splice, log. Whatever did not end in order is closed with
 * a reset on both sides, so that no peer takes a part for the whole. Loop thread only, but for what
 * {@link Transferable} says.
 *
 * <p>When another process takes over, it gets the listeners, with the connections in their queues,
 * and what is being connected; what is being handed to the Splicer is waited for. Relays and their
 * reports are the Splicer's to hand over.
 */
final class Forwarder implements Transferable {
  private static final Logger log = LoggerFactory.getLogger(Forwarder.class);

  /** The name of what it hands over. */
  static final String NAME = "forwarder";

  static final Layout LAYOUT = new Layout(1, 1);

  // include/uapi/linux/tcp.h
  private static final int TCP_NODELAY = 1;

  private final Context context;
  private final DescriptorLoop loop;
  private final Splicer splicer;
  private final AccessLog accessLog;
  private final ForwardLimits limits;
  private final long connectTimeoutMs;
  private final List<Route> routes = new ArrayList<>();
  private final Set<Attempt> attempts = ConcurrentHashMap.newKeySet();
  private final TaskGroup splices = new TaskGroup();
  private boolean frozen;

  /** Connections that come in at a listener go to a target. */
  record Route(Address listen, Acceptor acceptor, Target target) {

    /** The address that it listens on, with the port that the kernel chose for port 0. */
    String localAddress() {
      int fd = acceptor.socket().fd();
      return String.valueOf(SocketAddresses.text(Sockets.localAddress(fd)));
    }
  }

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

  /** Listens on an address for connections to a target; they wait until {@link #start()}. */
  Acceptor listen(Address address, Target target) {
    int number = routes.size();
    Acceptor made =
        address.listen(loop, client -> forward(client, number, System.nanoTime(), null));
    routes.add(new Route(address, made, target));
    return made;
  }

  /**
   * Takes over a listening socket, for connections to a target; they wait until {@link #start()}.
   *
   * @param listener owned by the acceptor
   */
  Acceptor adopt(Address address, Descriptor listener, Target target) {
    int number = routes.size();
    Acceptor made =
        Acceptor.adopt(listener, loop, client -> forward(client, number, System.nanoTime(), null));
    routes.add(new Route(address, made, target));
    return made;
  }

  /** Listeners and targets, in the order in which they were set. */
  List<Route> routes() {
    return routes;
  }

  /** Clients whose target is not connected yet. */
  Set<Attempt> attempts() {
    return attempts;
  }

  /** Begins to accept. */
  void start() {
    routes.forEach(route -> route.acceptor().start());
  }

  /** Accepts no more, for good; connections that nobody has accepted are reset by the kernel. */
  void close() {
    routes.forEach(route -> route.acceptor().close());
  }

  /** Goes on with a connection that another process has accepted; frozen until {@link #thaw()}. */
  void adopt(
      Descriptor client,
      int listener,
      long beganNanos,
      @Nullable Descriptor server,
      long deadlineNanos) {
    Connector connector = server == null ? null : Connector.adopt(loop, server, deadlineNanos);
    forward(client, listener, beganNanos, connector);
  }

  private void forward(
      Descriptor client, int listener, long beganNanos, @Nullable Connector connector) {
    Target target = routes.get(listener).target();
    Attempt attempt =
        new Attempt(context, client, listener, target, beganNanos, connectTimeoutMs, connector);
    attempts.add(attempt);
    attempt
        .connected()
        .onComplete(
            result -> {
              attempts.remove(attempt);
              long connectMs = msSince(beganNanos);
              if (result.succeeded()) {
                splice(client, result.result(), target, connectMs);
              } else {
                String error = nameOf(result.cause());
                giveUp(client, target, connectMs, "connect-failed", error);
              }
            });
    if (!frozen) {
      attempt.thaw();
    }
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
    splices.begin();
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
            })
        .onComplete(done -> splices.end());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Layout layout() {
    return LAYOUT;
  }

  @Override
  public int groups() {
    return 0;
  }

  @Override
  public Map<String, Long> counts() {
    return Map.of("listeners", (long) routes.size(), "connecting", (long) attempts.size());
  }

  @Override
  public int flows(int group) {
    return 0;
  }

  /** Listeners, a client and perhaps a socket to the target each, and a document. */
  @Override
  public Future<Long> descriptors() {
    return Future.succeededFuture(routes.size() + 2L * attempts.size() + 1);
  }

  @Override
  public Future<Cargo> freeze() {
    return onLoop(
        () -> {
          hold();
          return splices.whenIdle().compose(v -> exported());
        });
  }

  /** Touches nothing until {@link #thaw()}, as it is made for a process that takes over. */
  void hold() {
    frozen = true;
    routes.forEach(route -> route.acceptor().stop());
    attempts.forEach(Attempt::freeze);
  }

  private Future<Cargo> exported() {
    return frozen
        ? Future.succeededFuture(ForwarderStore.export(this))
        : Future.failedFuture(new IllegalStateException("the hand-over was given up"));
  }

  @Override
  public Future<Void> freeze(int group) {
    return noGroup(group);
  }

  @Override
  public Future<Void> thaw(int group) {
    return noGroup(group);
  }

  private static Future<Void> noGroup(int group) {
    return Future.failedFuture(new IllegalArgumentException("there is no group " + group));
  }

  @Override
  public Future<Void> thaw() {
    return onLoop(
        () -> {
          if (frozen) {
            frozen = false;
            attempts.forEach(Attempt::thaw);
            start();
          }
          return Future.succeededFuture();
        });
  }

  private <T> Future<T> onLoop(Supplier<Future<T>> task) {
    Promise<T> done = Promise.promise();
    loop.execute(() -> Future.<Void>succeededFuture().compose(v -> task.get()).onComplete(done));
    return done.future();
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
