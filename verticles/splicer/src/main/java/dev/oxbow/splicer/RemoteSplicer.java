package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.client.ControlClient;
import dev.oxbow.service.client.Counters;
import dev.oxbow.service.client.Reports;
import dev.oxbow.service.client.TransferableClient;
import dev.oxbow.service.work.Page;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A Splicer in another process, by the control protocol. */
final class RemoteSplicer implements Splicer {
  private static final Logger log = LoggerFactory.getLogger(RemoteSplicer.class);

  /** The name of what it hands over. */
  static final String CLIENT = "splicer-client";

  private final ControlClient client;
  private final Reports<SpliceReport> reports;

  private RemoteSplicer(ControlClient client, Reports<SpliceReport> reports) {
    this.client = client;
    this.reports = reports;
  }

  static Future<Splicer> connect(Vertx vertx, Path socket, String app) {
    Reports<SpliceReport> reports = SpliceReport.reports();
    return ControlClient.connect(vertx, socket, app, (m, fds) -> event(reports, m, fds))
        .<Splicer>map(client -> new RemoteSplicer(client, reports))
        .recover(SplicerException::failed);
  }

  /**
   * Goes on with the connection of another process, frozen.
   *
   * @throws IllegalArgumentException saying what does not fit
   */
  static Splicer inherit(Vertx vertx, Path socket, String app, Cargo cargo) {
    Reports<SpliceReport> reports = SpliceReport.reports();
    return new RemoteSplicer(
        ControlClient.inherit(vertx, socket, app, (m, fds) -> event(reports, m, fds), cargo),
        reports);
  }

  @Override
  public Transferable transferable() {
    return new TransferableClient(CLIENT, client);
  }

  private static void event(
      Reports<SpliceReport> reports, Message event, List<Descriptor> descriptors) {
    if (!event.string("event").equals(FinishedEvent.NAME)) {
      log.warn("unknown event {}", event.string("event"));
      Descriptor.closeAll(descriptors);
      return;
    }
    reports.deliver(ReportReader.read(event, descriptors));
  }

  @Override
  public Future<Relay> splice(SpliceRequest request) {
    try {
      request.requireOpen();
    } catch (RequestException e) {
      return SplicerException.failed(e);
    }
    List<Descriptor> sockets = List.of(request.a(), request.b());
    return ask(
        "splice", m -> write(m, request), List.of("a", "b"), sockets, a -> accepted(a, sockets));
  }

  private Relay accepted(Message answer, List<Descriptor> sockets) {
    Descriptor.closeAll(sockets);
    String id = answer.string("relay");
    return new Relay(id, reports.await(id));
  }

  private static void write(MessageWriter out, SpliceRequest request) {
    out.raw("metadata", request.metadata())
        .number("idleTimeoutMs", request.idleTimeoutMs())
        .number("halfCloseTimeoutMs", request.halfCloseTimeoutMs())
        .number("maxDurationMs", request.maxDurationMs())
        .number("maxBytes", request.maxBytes());
    if (request.preludeToA().length() + request.preludeToB().length() > 0) {
      out.object("prelude")
          .string("toA", base64(request.preludeToA()))
          .string("toB", base64(request.preludeToB()))
          .end();
    }
  }

  private static String base64(Buffer bytes) {
    return Base64.getEncoder().encodeToString(bytes.getBytes());
  }

  @Override
  public Future<RelayPage> list(@Nullable String after, int limit) {
    return ask("list", m -> Page.ask(m, after, limit), List.of(), List.of(), RemoteSplicer::page);
  }

  private static RelayPage page(Message answer) {
    List<RelayPage.Entry> relays = new ArrayList<>();
    for (Message entry : answer.objects("relays")) {
      Message bytes = entry.member("bytes");
      relays.add(
          new RelayPage.Entry(
              entry.string("relay"),
              bytes.integer("aToB", 0, Long.MAX_VALUE),
              bytes.integer("bToA", 0, Long.MAX_VALUE),
              entry.integer("ageMs", 0, Long.MAX_VALUE),
              entry.integer("idleMs", 0, Long.MAX_VALUE),
              entry.metadata()));
    }
    return new RelayPage(relays, answer.string("next", null));
  }

  @Override
  public Future<Void> abort(String relay) {
    return ask("abort", m -> m.string("relay", relay), List.of(), List.of(), a -> a).mapEmpty();
  }

  @Override
  public Future<JsonObject> stats() {
    return ask("stats", m -> {}, List.of(), List.of(), Counters::of);
  }

  private <T> Future<T> ask(
      String op,
      Consumer<MessageWriter> members,
      List<String> names,
      List<Descriptor> descriptors,
      Function<Message, T> reader) {
    return client
        .request(op, members, names, descriptors, reader)
        .recover(SplicerException::failed);
  }

  @Override
  public Splicer unclaimedHandler(Handler<SpliceReport> handler) {
    reports.unclaimedHandler(handler);
    return this;
  }

  @Override
  public Future<Void> close() {
    return client
        .close()
        .onComplete(
            v ->
                reports.fail(
                    new SplicerException(
                        ErrorCode.UNAVAILABLE, "this client was closed; its relays go on")));
  }
}
