package dev.oxbow.it.docs;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.Acceptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.NetSockets;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.task.TaskGroup;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What docs/embedding.md quotes of a proxy that is replaced in place, region by region. */
final class ReplaceableProxy implements Transferable {
  static final String NAME = "proxy";
  private static final Layout LAYOUT = new Layout(1, 1);
  private static final String LISTENER = "listener";

  private final Context context;
  private final DescriptorLoop loop;
  private final Splicer splicer;
  private final NetClient connector;
  private final SocketAddress origin;
  private final Acceptor acceptor;
  private final TaskGroup splices = new TaskGroup();

  private ReplaceableProxy(
      Vertx vertx, Context context, Splicer splicer, SocketAddress origin, Cargo handed) {
    this.context = context;
    this.loop = DescriptorLoop.of(context);
    this.splicer = splicer;
    this.connector = vertx.createNetClient();
    this.origin = origin;
    this.acceptor =
        handed.has(LISTENER)
            ? Acceptor.adopt(handed.take(LISTENER), loop, this::accepted)
            : Acceptor.listen(InetAddress.getLoopbackAddress(), 0, loop, this::accepted);
  }

  // begin start
  /**
   * Starts afresh, or with what another process has handed over: then all of it is frozen.
   *
   * @param handed by name; empty to start afresh
   */
  static Future<ReplaceableProxy> start(
      Vertx vertx, Path directory, SocketAddress origin, Map<String, Cargo> handed) {
    Context context = vertx.getOrCreateContext();
    OxbowOptions options = new OxbowOptions(directory).setSplicer(new SplicerOptions());
    Cargo relays = handed.get("splicer");
    Future<Splicer> splicer =
        relays == null
            ? Splicer.embedded(vertx, options)
            : Splicer.embedded(vertx, options, relays);
    return splicer.map(
        made -> {
          // Those of relays that another process began; before anything is thawed.
          made.unclaimedHandler(EmbeddedProxy::finished);
          Cargo own = handed.getOrDefault(NAME, new Cargo());
          return new ReplaceableProxy(vertx, context, made, origin, own);
        });
  }

  /** What this program reads, for the hello of a process that is to take over. */
  static Map<String, Layout> layouts() {
    Map<String, Layout> layouts = new HashMap<>(Splicer.embeddedLayout());
    layouts.put(NAME, LAYOUT);
    return layouts;
  }

  /** In the order in which they freeze: nothing new comes to a Splicer that is frozen. */
  List<Transferable> services() {
    return List.of(this, splicer.transferable());
  }

  // end start

  // begin transferable
  /** Accepts no more, waits for what is on its way to the Splicer, and lends the listener. */
  @Override
  public Future<Cargo> freeze() {
    return onLoop(
        () -> {
          acceptor.stop();
          return splices.whenIdle().map(v -> new Cargo().lend(LISTENER, acceptor.socket()));
        });
  }

  /** Accepts: at a fresh start, in the process that took over, and after a rollback. */
  @Override
  public Future<Void> thaw() {
    return onLoop(
        () -> {
          acceptor.start();
          return Future.succeededFuture();
        });
  }

  private void accepted(Descriptor client) {
    splices.begin();
    NetSockets.give(context, client)
        .compose(this::connect)
        .compose(request -> EmbeddedProxy.splice(splicer, request))
        .onSuccess(relay -> relay.finished().onSuccess(EmbeddedProxy::finished))
        .onComplete(done -> splices.end());
  }

  // end transferable

  private Future<SpliceRequest> connect(NetSocket client) {
    client.pause();
    return connector
        .connect(origin)
        .compose(server -> SpliceRequest.of(client, server))
        .onFailure(e -> client.close());
  }

  private <T> Future<T> onLoop(Supplier<Future<T>> task) {
    Promise<T> done = Promise.promise();
    loop.execute(() -> task.get().onComplete(done));
    return done.future();
  }

  int port() {
    return acceptor.port();
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
    return Map.of("connecting", splices.live());
  }

  @Override
  public Future<Long> descriptors() {
    return Future.succeededFuture(1L);
  }
}
