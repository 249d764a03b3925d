package dev.oxbow.app.forward;

import dev.oxbow.app.forward.SplicedConnections.Client;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.Acceptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.splicer.Splicer;
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

/**
 * Forwards connections: accept, connect, splice, log. Loop thread only, but for what {@link
 * Transferable} says.
 *
 * <p>When another process takes over, it gets the listeners, with the connections in their queues,
 * and what is being connected; what is being handed to the Splicer is waited for. Relays and their
 * reports are the Splicer's to hand over.
 */
final class Forwarder implements Transferable {
  /** The name of what it hands over. */
  static final String NAME = "forwarder";

  static final Layout LAYOUT = new Layout(1, 1);

  private final Context context;
  private final DescriptorLoop loop;
  private final SplicedConnections connections;
  private final long connectTimeoutMs;
  private final List<Route> routes = new ArrayList<>();
  private final Set<Attempt> attempts = ConcurrentHashMap.newKeySet();
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
    this.connections = new SplicedConnections(splicer, accessLog, limits);
    this.connectTimeoutMs = connectTimeoutMs;
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
                connections.splice(Client.of(client, target), result.result(), connectMs);
              } else {
                connections.connectFailed(Client.of(client, target), connectMs, result.cause());
              }
            });
    if (!frozen) {
      attempt.thaw();
    }
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
          return connections.whenHandedOver().compose(v -> exported());
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

  private static long msSince(long nanos) {
    return (System.nanoTime() - nanos) / 1_000_000;
  }
}
