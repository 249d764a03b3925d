package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
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
import io.vertx.core.streams.ReadStream;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A Bumblebee in another process, by the control protocol. */
final class RemoteBumblebee implements Bumblebee {
  private static final Logger log = LoggerFactory.getLogger(RemoteBumblebee.class);

  /** The name of what it hands over. */
  static final String CLIENT = "bumblebee-client";

  private final TransferableBumblebee transferable;
  private final ControlClient client;
  private final Told told;

  private RemoteBumblebee(ControlClient client, Told told) {
    this.transferable = new TransferableBumblebee(new TransferableClient(CLIENT, client), told);
    this.client = client;
    this.told = told;
  }

  static Future<Bumblebee> connect(Vertx vertx, Path socket, String app) {
    Told told = new Told();
    return ControlClient.connect(vertx, socket, app, (m, fds) -> event(told, m, fds))
        .<Bumblebee>map(client -> new RemoteBumblebee(client, told))
        .recover(BumblebeeException::failed);
  }

  /**
   * Goes on with the connection of another process, frozen.
   *
   * @throws IllegalArgumentException saying what does not fit
   */
  static Bumblebee inherit(Vertx vertx, Path socket, String app, Cargo cargo) {
    Told told = Told.inherit(cargo);
    return new RemoteBumblebee(
        ControlClient.inherit(vertx, socket, app, (m, fds) -> event(told, m, fds), cargo), told);
  }

  @Override
  public Transferable transferable() {
    return transferable;
  }

  private static void event(Told told, Message event, List<Descriptor> descriptors) {
    switch (event.string("event")) {
      case ConnectedEvent.NAME -> told.event(EventReader.connected(event, descriptors));
      case ClosedEvent.NAME -> told.event(EventReader.closed(event, descriptors));
      default -> {
        log.warn("unknown event {}", event.string("event"));
        Descriptor.closeAll(descriptors);
      }
    }
  }

  @Override
  public Future<Tunnel> upgrade(UpgradeRequest request) {
    try {
      request.requireOpen();
    } catch (RequestException e) {
      return BumblebeeException.failed(e);
    }
    List<Descriptor> flow = List.of(request.flow());
    return ask(
        "upgrade",
        m ->
            m.number("mtu", request.mtu())
                .flag("vnetHdr", request.vnetHdr())
                .raw("metadata", request.metadata()),
        List.of(ClosedEvent.FLOW),
        flow,
        answer -> {
          Descriptor.closeAll(flow);
          String id = answer.string("tunnel");
          return new Tunnel(id, told.reports().await(id));
        });
  }

  @Override
  public ReadStream<TunnelConnection> connections() {
    return told.connections();
  }

  @Override
  public Future<TunnelPage> list(@Nullable String after, int limit) {
    return plain("list", m -> Page.ask(m, after, limit), EventReader::page);
  }

  @Override
  public Future<Void> abort(String tunnel) {
    return plain("abort", m -> m.string("tunnel", tunnel), answer -> answer).mapEmpty();
  }

  @Override
  public Future<JsonObject> stats() {
    return plain("stats", m -> {}, Counters::of);
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
    return client
        .request(op, members, names, descriptors, reader)
        .recover(BumblebeeException::failed);
  }

  @Override
  public Bumblebee unclaimedHandler(Handler<TunnelReport> handler) {
    told.reports().unclaimedHandler(handler);
    return this;
  }

  @Override
  public Future<Void> close() {
    return client
        .close()
        .onComplete(
            v -> {
              told.reports()
                  .fail(
                      new BumblebeeException(
                          ErrorCode.UNAVAILABLE, "this client was closed; its tunnels go on"));
              told.connections().end();
            });
  }
}
