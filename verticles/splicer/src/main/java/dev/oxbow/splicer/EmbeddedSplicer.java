package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.client.Reports;
import dev.oxbow.service.local.LocalClient;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import org.jspecify.annotations.Nullable;

/** A Splicer in the caller's own Vert.x. */
final class EmbeddedSplicer implements Splicer {
  private final SplicerVerticle verticle;
  private final LocalClient client;
  private final Reports<SpliceReport> reports;
  private @Nullable Future<Void> closed;

  private EmbeddedSplicer(
      SplicerVerticle verticle, LocalClient client, Reports<SpliceReport> reports) {
    this.verticle = verticle;
    this.client = client;
    this.reports = reports;
  }

  /**
   * Deploys one.
   *
   * @param inherited what another process has handed over, or null
   */
  static Future<Splicer> start(Vertx vertx, OxbowOptions options, @Nullable Cargo inherited) {
    String address = newAddress();
    return start(vertx, address, new SplicerVerticle(options, inherited, address));
  }

  static String newAddress() {
    return LocalClient.newAddress(SplicerVerticle.NAME);
  }

  /**
   * Uses a verticle.
   *
   * @param address where it takes requests
   */
  static Future<Splicer> start(Vertx vertx, String address, SplicerVerticle verticle) {
    Reports<SpliceReport> reports = SpliceReport.reports();
    return LocalClient.deploy(
            vertx, address, verticle, report -> reports.deliver((SpliceReport) report))
        .map(client -> new EmbeddedSplicer(verticle, client, reports));
  }

  @Override
  public Transferable transferable() {
    return verticle;
  }

  @Override
  public Future<Relay> splice(SpliceRequest request) {
    return client
        .<Relay>ask(new SplicerWork.Splice(request, reports))
        .recover(SplicerException::failed);
  }

  @Override
  public Future<RelayPage> list(@Nullable String after, int limit) {
    return client.<RelayPage>list(after, limit).recover(SplicerException::failed);
  }

  @Override
  public Future<Void> abort(String relay) {
    return client.abort(relay).recover(SplicerException::failed);
  }

  @Override
  public Future<JsonObject> stats() {
    return client.stats().recover(SplicerException::failed);
  }

  @Override
  public Splicer unclaimedHandler(Handler<SpliceReport> handler) {
    reports.unclaimedHandler(handler);
    return this;
  }

  @Override
  public synchronized Future<Void> close() {
    if (closed == null) {
      closed =
          client.close(
              reports, new SplicerException(ErrorCode.UNAVAILABLE, "this Splicer was closed"));
    }
    return closed;
  }
}
