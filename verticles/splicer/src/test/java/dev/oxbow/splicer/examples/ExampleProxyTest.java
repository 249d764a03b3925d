package dev.oxbow.splicer.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class ExampleProxyTest {
  private final Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
  private final List<String> log = new CopyOnWriteArrayList<>();
  @TempDir private Path directory;

  @AfterEach
  void close() {
    EpollVertx.await(vertx.close());
  }

  @Test
  void handsBothSocketsOverAndLogsTheReport() throws IOException {
    Splicer splicer = EpollVertx.await(Splicer.embedded(vertx, new OxbowOptions(directory)));
    NetServer origin = vertx.createNetServer();
    origin.connectHandler(socket -> socket.handler(socket::write));
    int originPort = EpollVertx.await(origin.listen(0, "127.0.0.1")).actualPort();
    ExampleProxy proxy =
        new ExampleProxy(
            vertx,
            splicer,
            Map.of("echo", SocketAddress.inetSocketAddress(originPort, "127.0.0.1")),
            log::add);
    int port = EpollVertx.await(proxy.listen(0));
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
      client.getOutputStream().write("echo\nhello ".getBytes(UTF_8));
      assertThat(client.getInputStream().readNBytes(6)).asString().isEqualTo("hello ");
      client.getOutputStream().write("world".getBytes(UTF_8));
      assertThat(client.getInputStream().readNBytes(5)).asString().isEqualTo("world");
      client.shutdownOutput();
      assertThat(client.getInputStream().readAllBytes()).isEmpty();
      String line =
          "\"echo\" 127\\.0\\.0\\.1:" + client.getLocalPort() + " in=5 out=11 ms=\\d+ eof";
      Await.until("the log has a line", () -> !log.isEmpty());
      assertThat(log).singleElement().asString().matches(line);
    }
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
      client.getOutputStream().write("elsewhere\n".getBytes(UTF_8));
      assertThat(client.getInputStream().readAllBytes())
          .asString()
          .isEqualTo("no such target: elsewhere\n");
    }
    EpollVertx.await(proxy.close());
    EpollVertx.await(splicer.close());
    EpollVertx.await(origin.close());
  }
}
