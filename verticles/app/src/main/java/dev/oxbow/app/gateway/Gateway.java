package dev.oxbow.app.gateway;

import dev.oxbow.app.forward.Connector;
import dev.oxbow.app.forward.SplicedConnections;
import dev.oxbow.app.forward.SplicedConnections.Client;
import dev.oxbow.bumblebee.TunnelConnection;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockaddr;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * Connects each client to where it wants to go, and leaves the rest to a Splicer. Loop thread only.
 */
final class Gateway {
  private static final String APP = "app";
  private static final String TUN = "tun";

  private final DescriptorLoop loop;
  private final SplicedConnections spliced;
  private final long connectTimeoutMs;

  Gateway(DescriptorLoop loop, SplicedConnections spliced, long connectTimeoutMs) {
    this.loop = loop;
    this.spliced = spliced;
    this.connectTimeoutMs = connectTimeoutMs;
  }

  /** What a tunnel carries as metadata: whose connections these are, also for a later gateway. */
  static JsonObject metadata(String app, String label) {
    return new JsonObject().put(APP, app).put(TUN, label);
  }

  /** The tun that a tunnel's metadata names; empty when another program opened the tunnel. */
  static String label(RawJson metadata) {
    return text(metadata, TUN);
  }

  /** Whether a tunnel's metadata names an app: root's list has the tunnels of all. */
  static boolean isOf(String app, RawJson metadata) {
    return text(metadata, APP).equals(app);
  }

  /** A member that is a string; empty in what another program wrote, which may be any JSON. */
  private static String text(RawJson metadata, String member) {
    String json = metadata.toString();
    if (!json.startsWith("{")) {
      return "";
    }
    return new JsonObject(json).getValue(member) instanceof String text ? text : "";
  }

  /** A client has come. Any thread; its socket is owned by this object. */
  void connect(TunnelConnection connection) {
    loop.run(() -> dial(connection));
  }

  private void dial(TunnelConnection connection) {
    long began = System.nanoTime();
    Client client =
        new Client(
            connection.socket(),
            connection.client(),
            label(connection.metadata()),
            connection.destination());
    Connector connector;
    try {
      long deadline = began + connectTimeoutMs * 1_000_000;
      connector = Connector.connect(loop, sockaddr(connection.destinationAddress()), deadline);
    } catch (LinuxException | UnknownHostException e) {
      spliced.connectFailed(client, 0, e);
      return;
    }
    connector
        .connected()
        .onComplete(
            server -> {
              long connectMs = (System.nanoTime() - began) / 1_000_000;
              if (server.succeeded()) {
                spliced.splice(client, server.result(), connectMs);
              } else {
                spliced.connectFailed(client, connectMs, server.cause());
              }
            });
  }

  /** An address and no name: nothing is looked up. */
  private static byte[] sockaddr(SocketAddress address) throws UnknownHostException {
    return Sockaddr.of(InetAddress.getByName(address.host()), address.port());
  }
}
