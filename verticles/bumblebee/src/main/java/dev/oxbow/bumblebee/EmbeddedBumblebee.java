package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.service.local.LocalClient;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.core.streams.ReadStream;
import org.jspecify.annotations.Nullable;

/** A Bumblebee in the caller's own Vert.x. */
final class EmbeddedBumblebee implements Bumblebee {
  private final LocalClient client;
  private final Told told;
  private @Nullable Future<Void> closed;

  private EmbeddedBumblebee(LocalClient client, Told told) {
    this.client = client;
    this.told = told;
  }

  static Future<Bumblebee> start(Vertx vertx, OxbowOptions options) {
    String address = LocalClient.newAddress(BumblebeeVerticle.NAME);
    Told told = new Told();
    return LocalClient.deploy(
            vertx, address, new BumblebeeVerticle(options, null, address), told::event)
        .map(client -> new EmbeddedBumblebee(client, told));
  }

  @Override
  public Future<Tunnel> upgrade(UpgradeRequest request) {
    return client
        .<Tunnel>ask(new BumblebeeWork.Upgrade(request, told.reports()))
        .recover(BumblebeeException::failed);
  }

  @Override
  public ReadStream<TunnelConnection> connections() {
    return told.connections();
  }

  @Override
  public Future<TunnelPage> list(@Nullable String after, int limit) {
    return client.<TunnelPage>list(after, limit).recover(BumblebeeException::failed);
  }

  @Override
  public Future<Void> abort(String tunnel) {
    return client.abort(tunnel).recover(BumblebeeException::failed);
  }

  @Override
  public Future<JsonObject> stats() {
    return client.stats().recover(BumblebeeException::failed);
  }

  @Override
  public Bumblebee unclaimedHandler(Handler<TunnelReport> handler) {
    told.reports().unclaimedHandler(handler);
    return this;
  }

  @Override
  public synchronized Future<Void> close() {
    if (closed == null) {
      closed =
          client
              .close(
                  told.reports(),
                  new BumblebeeException(ErrorCode.UNAVAILABLE, "this Bumblebee was closed"))
              .onComplete(v -> told.connections().end());
    }
    return closed;
  }
}
