package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.json.JsonObject;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A Splicer in the caller's own Vert.x. */
final class EmbeddedSplicer implements Splicer {
  private final Vertx vertx;
  private final String address;
  private final SplicerVerticle verticle;
  private final String deployment;
  private final Reports reports;
  private final MessageConsumer<Object> consumer;
  private @Nullable Future<Void> closed;

  private EmbeddedSplicer(
      Vertx vertx,
      String address,
      SplicerVerticle verticle,
      String deployment,
      Reports reports,
      MessageConsumer<Object> consumer) {
    this.vertx = vertx;
    this.address = address;
    this.verticle = verticle;
    this.deployment = deployment;
    this.reports = reports;
    this.consumer = consumer;
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
    return "oxbow.splicer." + UUID.randomUUID();
  }

  /**
   * Uses a verticle.
   *
   * @param address where it takes requests
   */
  static Future<Splicer> start(Vertx vertx, String address, SplicerVerticle verticle) {
    LocalCodec.register(vertx.eventBus());
    Reports reports = new Reports();
    MessageConsumer<Object> consumer =
        vertx
            .eventBus()
            .localConsumer(EmbeddedEndpoint.reports(address), message -> told(reports, message));
    return vertx
        .deployVerticle(verticle)
        .<Splicer>map(id -> new EmbeddedSplicer(vertx, address, verticle, id, reports, consumer))
        .onFailure(e -> consumer.unregister());
  }

  private static void told(Reports reports, Message<Object> message) {
    if (message.body() instanceof SpliceReport report) {
      reports.deliver(report);
    } else {
      // Whoever asks knows then that all reports before have been handled.
      message.reply(message.body(), EmbeddedEndpoint.LOCAL);
    }
  }

  @Override
  public Transferable transferable() {
    return verticle;
  }

  @Override
  public Future<Relay> splice(SpliceRequest request) {
    return ask(new EmbeddedEndpoint.Splice(request, reports));
  }

  @Override
  public Future<RelayPage> list(@Nullable String after, int limit) {
    return ask(new EmbeddedEndpoint.ListQuery(after, limit));
  }

  @Override
  public Future<Void> abort(String relay) {
    return ask(new EmbeddedEndpoint.Abort(relay)).mapEmpty();
  }

  @Override
  public Future<JsonObject> stats() {
    return ask(new EmbeddedEndpoint.Stats());
  }

  /** A refusal comes as the exception itself; a failure to deliver means that nobody serves. */
  @SuppressWarnings("unchecked")
  private <T> Future<T> ask(Object request) {
    return vertx
        .eventBus()
        .request(address, request, EmbeddedEndpoint.LOCAL)
        .recover(
            e ->
                Future.failedFuture(
                    new SplicerException(ErrorCode.UNAVAILABLE, String.valueOf(e.getMessage()))))
        .compose(
            reply ->
                reply.body() instanceof SplicerException refusal
                    ? Future.failedFuture(refusal)
                    : Future.succeededFuture((T) reply.body()));
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
          vertx
              .undeploy(deployment)
              .compose(v -> reports.whenAllDelivered())
              .onComplete(v -> consumer.unregister());
    }
    return closed;
  }
}
