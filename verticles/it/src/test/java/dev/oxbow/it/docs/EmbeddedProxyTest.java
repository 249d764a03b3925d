package dev.oxbow.it.docs;

import static dev.oxbow.fdpassing.testing.EpollVertx.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.Relay;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerVerticle;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The code that docs/embedding.md quotes works, embedded and remote. */
@DescriptorLeaks
class EmbeddedProxyTest {

  @TempDir Path directory;
  private Vertx vertx;

  @BeforeEach
  void openVertx() {
    vertx = EmbeddedProxy.vertx();
  }

  @AfterEach
  void closeVertx() {
    await(vertx.close());
  }

  @Test
  void embeddedProxyRelays() throws IOException {
    Splicer splicer = await(EmbeddedProxy.embedded(vertx, directory));
    relayThrough(splicer);
    await(splicer.close());
  }

  @Test
  void proxyWithARemoteSplicerRelays() throws IOException {
    OxbowOptions options = new OxbowOptions(directory).setSplicer(new SplicerOptions());
    await(vertx.deployVerticle(new SplicerVerticle(options)));
    Splicer splicer = await(EmbeddedProxy.remote(vertx, directory.resolve("splicer.sock")));
    relayThrough(splicer);
    await(splicer.close());
  }

  @Test
  void clientGoesOnInVertxAfterTheRelay() throws IOException {
    Splicer splicer = await(EmbeddedProxy.embedded(vertx, directory));
    Promise<SpliceReport> finished = Promise.promise();
    NetServer origin = upperCaseOrigin();
    NetServer proxy =
        await(
            vertx
                .createNetServer()
                .connectHandler(
                    client -> {
                      client.pause();
                      relay(splicer, client, origin).onComplete(finished);
                    })
                .listen(0, "127.0.0.1"));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), proxy.actualPort())) {
      SpliceReport report = await(finished.future());
      var context = vertx.getOrCreateContext();
      EmbeddedProxy.clientOf(report, context).onSuccess(client -> client.write("later"));

      assertThat(socket.getInputStream().readNBytes(5)).asString().isEqualTo("later");
    }
    await(splicer.close());
  }

  /** A relay that is aborted as soon as it lives. */
  private Future<SpliceReport> relay(Splicer splicer, NetSocket client, NetServer origin) {
    return vertx
        .createNetClient()
        .connect(origin.actualPort(), "127.0.0.1")
        .compose(server -> SpliceRequest.of(client, server))
        .compose(splicer::splice)
        .compose(relay -> splicer.abort(relay.id()).map(relay))
        .compose(Relay::finished);
  }

  private void relayThrough(Splicer splicer) throws IOException {
    SocketAddress origin =
        SocketAddress.inetSocketAddress(upperCaseOrigin().actualPort(), "127.0.0.1");
    NetServer proxy = await(EmbeddedProxy.listen(vertx, splicer, origin));
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), proxy.actualPort())) {
      client.getOutputStream().write("hello".getBytes(StandardCharsets.UTF_8));
      assertThat(client.getInputStream().readNBytes(5)).asString().isEqualTo("HELLO");
    }
  }

  private NetServer upperCaseOrigin() {
    return await(
        vertx
            .createNetServer()
            .connectHandler(
                socket ->
                    socket.handler(
                        bytes ->
                            socket.write(Buffer.buffer(bytes.toString().toUpperCase(Locale.ROOT)))))
            .listen(0, "127.0.0.1"));
  }
}
