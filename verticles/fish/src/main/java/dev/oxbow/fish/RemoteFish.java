package dev.oxbow.fish;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.client.ControlClient;
import dev.oxbow.service.client.Counters;
import dev.oxbow.service.client.TransferableClient;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.work.Page;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A Fish in another process, by the control protocol. */
final class RemoteFish implements Fish {
  private static final Logger log = LoggerFactory.getLogger(RemoteFish.class);

  /** The name of what it hands over. */
  static final String CLIENT = "fish-client";

  private final ControlClient client;
  private final Told told;

  private RemoteFish(ControlClient client, Told told) {
    this.client = client;
    this.told = told;
  }

  static Future<Fish> connect(Vertx vertx, Path socket, String app) {
    Told told = new Told();
    return ControlClient.connect(vertx, socket, app, (m, fds) -> event(told, m, fds))
        .<Fish>map(client -> new RemoteFish(client, told))
        .recover(FishException::failed);
  }

  /**
   * Goes on with the connection of another process, frozen.
   *
   * @throws IllegalArgumentException saying what does not fit
   */
  static Fish inherit(Vertx vertx, Path socket, String app, Cargo cargo) {
    Told told = new Told();
    return new RemoteFish(
        ControlClient.inherit(vertx, socket, app, (m, fds) -> event(told, m, fds), cargo), told);
  }

  private static void event(Told told, Message event, List<Descriptor> descriptors) {
    switch (event.string("event")) {
      case ClosedEvent.NAME -> told.event(EventReader.closed(event, descriptors));
      case ExhaustedEvent.NAME -> {
        told.event(EventReader.exhausted(event));
        Descriptor.closeAll(descriptors);
      }
      default -> {
        log.warn("unknown event {}", event.string("event"));
        Descriptor.closeAll(descriptors);
      }
    }
  }

  @Override
  public Transferable transferable() {
    return new TransferableClient(CLIENT, client);
  }

  @Override
  public Future<EgressSession> egress(EgressRequest request) {
    try {
      request.requireOpen();
    } catch (RequestException e) {
      return FishException.failed(e);
    }
    List<Descriptor> flow = List.of(request.flow());
    return ask(
        "egress",
        members -> write(request, members),
        List.of(ClosedEvent.FLOW),
        flow,
        answer -> {
          Descriptor.closeAll(flow);
          String id = answer.string("session");
          long resumed = answer.integer("resumed", 0, Long.MAX_VALUE, 0);
          return new EgressSession(id, resumed, told.reports().await(id));
        });
  }

  private static void write(EgressRequest request, MessageWriter members) {
    members.array("egress");
    for (Grant grant : request.egress()) {
      members.element().string("address", grant.address()).string("ports", grant.ports()).end();
    }
    members
        .endArray()
        .string("mapping", request.mapping().wireName())
        .number("mtu", request.mtu())
        .flag("vnetHdr", request.vnetHdr())
        .raw("metadata", request.metadata());
    if (request.resume() != null) {
      members.string("resume", request.resume());
    }
  }

  @Override
  public Future<PortOwner> lookup(PortQuery query) {
    return plain(
        "lookup",
        members ->
            members
                .string("protocol", query.protocol())
                .string("address", query.address())
                .number("port", query.port())
                .string("destination", query.destination()),
        EventReader::owner);
  }

  @Override
  public Future<SessionPage> list(@Nullable String after, int limit) {
    return plain("list", members -> Page.ask(members, after, limit), EventReader::page);
  }

  @Override
  public Future<Void> abort(String session) {
    return plain("abort", members -> members.string("session", session), answer -> answer)
        .mapEmpty();
  }

  @Override
  public Future<JsonObject> stats() {
    return plain("stats", members -> {}, Counters::of);
  }

  private <T> Future<T> plain(
      String op, Consumer<MessageWriter> members, Function<Message, T> reader) {
    return ask(op, members, List.of(), List.of(), reader);
  }

  private <T> Future<T> ask(
      String op,
      Consumer<MessageWriter> members,
      List<String> names,
      List<Descriptor> descriptors,
      Function<Message, T> reader) {
    return client.request(op, members, names, descriptors, reader).recover(FishException::failed);
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
  public Future<Void> close() {
    return client
        .close()
        .onComplete(
            v ->
                told.reports()
                    .fail(
                        new FishException(
                            ErrorCode.UNAVAILABLE, "this client was closed; its sessions go on")));
  }
}
