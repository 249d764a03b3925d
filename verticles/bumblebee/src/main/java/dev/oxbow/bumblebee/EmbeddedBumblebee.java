package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.local.LocalClient;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.core.streams.ReadStream;
import org.jspecify.annotations.Nullable;

/** A Bumblebee in the caller's own Vert.x. */
final class EmbeddedBumblebee implements Bumblebee {
  private final TransferableBumblebee transferable;
  private final LocalClient client;
  private final Told told;
  private @Nullable Future<Void> closed;

  private EmbeddedBumblebee(Transferable verticle, LocalClient client, Told told) {
    this.transferable = new TransferableBumblebee(verticle, told);
    this.client = client;
    this.told = told;
  }

  /** Deploys one. */
  static Future<Bumblebee> start(Vertx vertx, OxbowOptions options) {
    return start(vertx, options, null, new Told());
  }

  /**
   * Deploys one that goes on, frozen.
   *
   * @param inherited what another process has handed over
   */
  static Future<Bumblebee> inherit(Vertx vertx, OxbowOptions options, Cargo inherited) {
    Told told;
    try {
      told = Told.inherit(inherited);
    } catch (IllegalArgumentException e) {
      return Future.failedFuture(e);
    }
    return start(vertx, options, inherited, told)
        .onFailure(
            e -> {
              told.connections().end();
              told.reports().fail(e);
            });
  }

  private static Future<Bumblebee> start(
      Vertx vertx, OxbowOptions options, @Nullable Cargo inherited, Told told) {
    String address = newAddress();
    return start(vertx, address, new BumblebeeVerticle(options, inherited, address), told);
  }

  static String newAddress() {
    return LocalClient.newAddress(BumblebeeVerticle.NAME);
  }

  /**
   * Uses a verticle.
   *
   * @param address where it takes requests
   */
  static Future<Bumblebee> start(
      Vertx vertx, String address, BumblebeeVerticle verticle, Told told) {
    return LocalClient.deploy(vertx, address, verticle, told::event)
        .map(client -> new EmbeddedBumblebee(verticle, client, told));
  }

  @Override
  public Transferable transferable() {
    return transferable;
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
