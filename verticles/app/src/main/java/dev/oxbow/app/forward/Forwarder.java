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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

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

  private final DescriptorLoop loop;
  private final Attempts attempts;
  private final List<Route> routes = new ArrayList<>();

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
    this.loop = DescriptorLoop.of(context);
    SplicedConnections connections = new SplicedConnections(splicer, accessLog, limits);
    this.attempts = new Attempts(context, connections, connectTimeoutMs);
  }

  /** Listens on an address for connections to a target; they wait until {@link #start()}. */
  Acceptor listen(Address address, Target target) {
    int number = routes.size();
    Acceptor made = address.listen(loop, client -> forward(client, number));
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
    Acceptor made = Acceptor.adopt(listener, loop, client -> forward(client, number));
    routes.add(new Route(address, made, target));
    return made;
  }

  /** Listeners and targets, in the order in which they were set. */
  List<Route> routes() {
    return routes;
  }

  /** Clients whose target is not connected yet. */
  Attempts attempts() {
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

  private void forward(Descriptor client, int listener) {
    attempts.begin(errand(client, listener));
  }

  /** What is to be done for a client of a listener, by the number of that. */
  Errand errand(Descriptor client, int listener) {
    Target target = routes.get(listener).target();
    return new Errand(
        Client.of(client, target), target, record -> record.number("listener", listener));
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
  public Map<String, Long> counts() {
    return Map.of("listeners", (long) routes.size(), "connecting", (long) attempts.size());
  }

  /** Listeners, a client and perhaps a socket to the target each, and a document. */
  @Override
  public Future<Long> descriptors() {
    return Future.succeededFuture(routes.size() + 2L * attempts.size() + 1);
  }

  @Override
  public Future<Cargo> freeze() {
    return attempts.freeze(this::stop, () -> ForwarderStore.export(this));
  }

  private void stop() {
    routes.forEach(route -> route.acceptor().stop());
  }

  @Override
  public Future<Void> thaw() {
    return attempts.thaw(this::start);
  }
}
