package dev.oxbow.it.docs;

import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.TunnelConnection;
import dev.oxbow.bumblebee.UpgradeRequest;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.NetSockets;
import dev.oxbow.splicer.Relay;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;

/** What docs/bumblebee.md quotes. */
final class EmbeddedGateway {
  private final Splicer splicer;
  private final NetClient connector;

  EmbeddedGateway(Vertx vertx, Splicer splicer) {
    this.splicer = splicer;
    this.connector = vertx.createNetClient();
  }

  // begin gateway
  /** Everything that comes out of a flow goes to where it wanted to go. */
  Future<String> carry(Bumblebee bumblebee, Descriptor flow) {
    bumblebee.connections().handler(this::connected);
    return bumblebee
        .upgrade(new UpgradeRequest(flow).setMtu(1500).setMetadata("tenant 7"))
        .map(
            tunnel -> {
              tunnel.closed().onSuccess(report -> report.flow().close());
              return tunnel.id();
            });
  }

  private void connected(TunnelConnection client) {
    connector
        .connect(client.destinationAddress())
        .compose(NetSockets::take)
        .map(server -> request(client, server))
        .compose(this::splice)
        .onSuccess(relay -> relay.finished().onSuccess(SpliceReport::close))
        .onFailure(e -> client.reset());
  }

  /** What was read of the server already comes first. */
  private static SpliceRequest request(TunnelConnection client, NetSockets.Taken server) {
    return new SpliceRequest(client.socket(), server.descriptor()).setPreludeToA(server.unread());
  }

  private Future<Relay> splice(SpliceRequest request) {
    return splicer.splice(request).onFailure(e -> request.b().close());
  }
  // end gateway
}
