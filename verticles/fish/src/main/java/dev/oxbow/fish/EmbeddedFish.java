package dev.oxbow.fish;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.local.LocalClient;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import org.jspecify.annotations.Nullable;

/** A Fish in the caller's own Vert.x. */
final class EmbeddedFish implements Fish {
  private final FishVerticle verticle;
  private final LocalClient client;
  private final Told told;
  private @Nullable Future<Void> closed;

  private EmbeddedFish(FishVerticle verticle, LocalClient client, Told told) {
    this.verticle = verticle;
    this.client = client;
    this.told = told;
  }

  /**
   * Deploys one.
   *
   * @param inherited what another process has handed over; null for none. With it this Fish is
   *     frozen
   * @param namespace stays its owner's, and open until this Fish was closed; null for that of this
   *     process
   */
  static Future<Fish> start(
      Vertx vertx, OxbowOptions options, @Nullable Cargo inherited, @Nullable Namespace namespace) {
    String address = newAddress();
    return start(vertx, address, new FishVerticle(options, inherited, namespace, address));
  }

  static String newAddress() {
    return LocalClient.newAddress(FishVerticle.NAME);
  }

  /**
   * Uses a verticle.
   *
   * @param address where it takes requests
   */
  static Future<Fish> start(Vertx vertx, String address, FishVerticle verticle) {
    Told told = new Told();
    return LocalClient.deploy(vertx, address, verticle, told::event)
        .map(client -> new EmbeddedFish(verticle, client, told));
  }

  @Override
  public Transferable transferable() {
    return verticle;
  }

  @Override
  public Future<EgressSession> egress(EgressRequest request) {
    return client
        .<EgressSession>ask(new FishWork.Egress(request, told.reports()))
        .recover(FishException::failed);
  }

  @Override
  public Future<PortOwner> lookup(PortQuery query) {
    return client.<PortOwner>ask(query).recover(FishException::failed);
  }

  @Override
  public Future<SessionPage> list(@Nullable String after, int limit) {
    return client.<SessionPage>list(after, limit).recover(FishException::failed);
  }

  @Override
  public Future<Void> abort(String session) {
    return client.abort(session).recover(FishException::failed);
  }

  @Override
  public Future<JsonObject> stats() {
    return client.stats().recover(FishException::failed);
  }

  @Override
  public Fish exhaustedHandler(Handler<Exhaustion> handler) {
    told.exhaustedHandler(handler);
    return this;
  }

  @Override
  public Fish unclaimedHandler(Handler<SessionReport> handler) {
    told.reports().unclaimedHandler(handler);
    return this;
  }

  @Override
  public synchronized Future<Void> close() {
    if (closed == null) {
      closed =
          client.close(
              told.reports(), new FishException(ErrorCode.UNAVAILABLE, "this Fish was closed"));
    }
    return closed;
  }
}
