package dev.oxbow.it.docs;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.eventloop.NetSockets;
import dev.oxbow.splicer.Relay;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.nio.file.Path;
import java.util.Map;

/** What docs/embedding.md quotes, region by region. */
final class EmbeddedProxy {
  private EmbeddedProxy() {}

  static Vertx vertx() {
    // begin vertx
    Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    // end vertx
    return vertx;
  }

  static Future<Splicer> embedded(Vertx vertx, Path runtimeDir) {
    // begin embedded
    OxbowOptions options = new OxbowOptions(runtimeDir).setSplicer(new SplicerOptions());
    Future<Splicer> splicer = Splicer.embedded(vertx, options);
    // end embedded
    return splicer;
  }

  static Future<Splicer> remote(Vertx vertx, Path socket) {
    // begin remote
    Future<Splicer> splicer = Splicer.remote(vertx, socket, "edge");
    splicer.onSuccess(s -> s.unclaimedHandler(EmbeddedProxy::finished));
    // end remote
    return splicer;
  }

  // begin proxy
  /** A TCP proxy that touches no byte after it has decided where a connection goes. */
  static Future<NetServer> listen(Vertx vertx, Splicer splicer, SocketAddress origin) {
    NetClient connector = vertx.createNetClient();
    return vertx
        .createNetServer()
        .connectHandler(
            client -> {
              client.pause();
              connector
                  .connect(origin)
                  .compose(server -> SpliceRequest.of(client, server))
                  .compose(request -> splice(splicer, request))
                  .onSuccess(relay -> relay.finished().onSuccess(EmbeddedProxy::finished))
                  .onFailure(e -> client.close());
            })
        .listen(0, "127.0.0.1");
  }

  static Future<Relay> splice(Splicer splicer, SpliceRequest request) {
    return splicer
        .splice(request.setMetadata(Map.of("route", "blue")).setIdleTimeoutMs(60_000))
        .onFailure(
            e -> {
              request.a().close();
              request.b().close();
            });
  }

  static void finished(SpliceReport report) {
    try (report) {
      System.out.println(
          report.a().peer() + " " + report.reason() + " " + report.bytesAToB() + " bytes up");
    }
  }

  // end proxy

  // begin give
  /** Goes on with the client's connection in Vert.x, and closes the rest. */
  static Future<NetSocket> clientOf(SpliceReport report, Context context) {
    return NetSockets.give(context, report.a().socket()).onComplete(v -> report.close());
  }
  // end give
}
