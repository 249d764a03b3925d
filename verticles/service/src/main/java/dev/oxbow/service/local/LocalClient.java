package dev.oxbow.service.local;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.service.client.Reports;
import io.vertx.core.Deployable;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.json.JsonObject;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The caller's side of an embedded service, which it deploys and undeploys. Any thread. */
public final class LocalClient {
  private final Vertx vertx;
  private final String address;
  private final String deployment;
  private final MessageConsumer<Object> consumer;

  private LocalClient(
      Vertx vertx, String address, String deployment, MessageConsumer<Object> consumer) {
    this.vertx = vertx;
    this.address = address;
    this.deployment = deployment;
    this.consumer = consumer;
  }

  /** An address on the event bus that nobody else has. */
  public static String newAddress(String service) {
    return "oxbow." + service + "." + UUID.randomUUID();
  }

  /**
   * Deploys a service.
   *
   * @param address where it takes requests
   * @param events told of each event, as the service's {@link LocalEndpoint.Answers} make it of it
   */
  public static Future<LocalClient> deploy(
      Vertx vertx, String address, Deployable service, Consumer<Object> events) {
    LocalCodec.register(vertx.eventBus());
    MessageConsumer<Object> consumer =
        vertx
            .eventBus()
            .localConsumer(LocalEndpoint.events(address), message -> told(events, message));
    return vertx
        .deployVerticle(service)
        .map(id -> new LocalClient(vertx, address, id, consumer))
        .onFailure(e -> consumer.unregister());
  }

  private static void told(Consumer<Object> events, Message<Object> message) {
    if (message.body() instanceof LocalEndpoint.Handled handled) {
      // Whoever asks knows then that all events before have been handled.
      message.reply(handled, LocalCodec.OPTIONS);
    } else {
      events.accept(message.body());
    }
  }

  /**
   * Asks the service for something.
   *
   * @return what it answers; fails with {@link RequestException}, also when nobody serves
   */
  @SuppressWarnings("unchecked")
  public <T> Future<T> ask(Object request) {
    return vertx
        .eventBus()
        .request(address, request, LocalCodec.OPTIONS)
        .recover(
            e ->
                Future.failedFuture(
                    new RequestException(ErrorCode.UNAVAILABLE, String.valueOf(e.getMessage()))))
        .compose(
            reply ->
                reply.body() instanceof RequestException refusal
                    ? Future.failedFuture(refusal)
                    : Future.succeededFuture((T) reply.body()));
  }

  /** A page of what lives, as the service's {@link LocalEndpoint.Answers} make it. */
  public <T> Future<T> list(@Nullable String after, int limit) {
    return ask(new LocalEndpoint.ListQuery(after, limit));
  }

  /** Ends something early. */
  public Future<Void> abort(String id) {
    return ask(new LocalEndpoint.Abort(id)).mapEmpty();
  }

  /** The service's counters. */
  public Future<JsonObject> stats() {
    return ask(new LocalEndpoint.Stats());
  }

  /**
   * Undeploys the service, which ends in order; its last events are still told. What has not been
   * told by then, as the service could not stop, will not be.
   *
   * @param reports that this client's events go to
   * @param why those are told who wait for a report in vain
   * @return fails when the service could not stop
   */
  public Future<Void> close(Reports<?> reports, Throwable why) {
    return vertx
        .undeploy(deployment)
        .compose(v -> reports.whenAllDelivered())
        .onComplete(
            v -> {
              consumer.unregister();
              reports.fail(why);
            });
  }
}
