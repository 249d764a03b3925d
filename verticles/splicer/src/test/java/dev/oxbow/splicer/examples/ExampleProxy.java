package dev.oxbow.splicer.examples;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.splicer.Relay;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A proxy whose clients say in their first line where they want to go, as in {@code shop\n}. It
 * reads that line, connects, hands both sockets to a Splicer, and logs what the Splicer reports.
 */
public final class ExampleProxy {
  private static final int LONGEST_LINE = 100;

  private final NetClient client;
  private final NetServer server;
  private final Splicer splicer;
  private final Map<String, SocketAddress> targets;
  private final Consumer<String> log;

  public ExampleProxy(
      Vertx vertx, Splicer splicer, Map<String, SocketAddress> targets, Consumer<String> log) {
    this.client = vertx.createNetClient();
    this.server = vertx.createNetServer().connectHandler(this::accepted);
    this.splicer = splicer;
    this.targets = targets;
    this.log = log;
  }

  /** Listens on a port of 127.0.0.1; the future tells which. */
  public Future<Integer> listen(int port) {
    return server.listen(port, "127.0.0.1").map(NetServer::actualPort);
  }

  public Future<Void> close() {
    return server.close().compose(v -> client.close());
  }

  private void accepted(NetSocket socket) {
    Buffer read = Buffer.buffer();
    socket.handler(
        bytes -> {
          read.appendBuffer(bytes);
          String[] parts = read.toString("ISO-8859-1").split("\n", 2);
          if (parts.length == 2) {
            socket.handler(null).pause();
            forward(socket, parts[0], Buffer.buffer(parts[1], "ISO-8859-1"));
          } else if (read.length() > LONGEST_LINE) {
            socket.close();
          }
        });
  }

  private void forward(NetSocket socket, String name, Buffer behindTheLine) {
    SocketAddress target = targets.get(name);
    if (target == null) {
      socket.end(Buffer.buffer("no such target: " + name + "\n"));
      return;
    }
    client
        .connect(target)
        .compose(
            origin -> origin.write(behindTheLine).compose(v -> SpliceRequest.of(socket, origin)))
        .compose(request -> relay(request.setMetadata((Object) name).setIdleTimeoutMs(60_000)))
        .onSuccess(this::finished)
        .onFailure(
            e -> {
              socket.close();
              log.accept(name + " failed: " + e.getMessage());
            });
  }

  /** What a Splicer refuses is still ours to close. */
  private Future<SpliceReport> relay(SpliceRequest request) {
    return splicer
        .splice(request)
        .onFailure(e -> Descriptor.closeAll(List.of(request.a(), request.b())))
        .compose(Relay::finished);
  }

  /** The report owns both sockets: closing it closes them, after TCP_INFO and all was told. */
  private void finished(SpliceReport report) {
    try (report) {
      log.accept(
          "%s %s in=%d out=%d ms=%d %s"
              .formatted(
                  report.metadata(),
                  report.a().peer(),
                  report.bytesAToB(),
                  report.bytesBToA(),
                  report.durationMs(),
                  report.reason().wireName()));
    }
  }
}
