package dev.oxbow.app.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.eventloop.Acceptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.LossyPath;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Splicer;
import dev.oxbow.splicer.SplicerVerticle;
import io.vertx.core.Context;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Real connections through a forwarder with a Splicer of its own. */
@DescriptorLeaks
class ForwarderTest {
  private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

  private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final List<Acceptor> acceptors = new ArrayList<>();
  private Vertx vertx;
  private Context context;
  private Splicer splicer;
  private ServerSocket origin;
  private boolean closed;

  /** Limits as a command line sets them. */
  @Command(name = "limits")
  static final class Limits {
    @Mixin private ForwardLimits limits = new ForwardLimits();
  }

  @BeforeEach
  void start() throws Exception {
    vertx = NativeVertx.open(1);
    context = vertx.getOrCreateContext();
    OxbowOptions options = new OxbowOptions(Path.of("/run/x")).setSplicer(new SplicerOptions());
    splicer = Splicer.embedded(vertx, options).await(10, TimeUnit.SECONDS);
    origin = new ServerSocket(0, 50, LOOPBACK);
    origin.setSoTimeout(10_000);
  }

  @AfterEach
  void stop() throws Exception {
    onLoop(
        () -> {
          acceptors.forEach(Acceptor::close);
          return acceptors;
        });
    if (!closed) {
      splicer.close().await(10, TimeUnit.SECONDS);
    }
    vertx.close().await(10, TimeUnit.SECONDS);
    origin.close();
  }

  @Test
  void forwardsBothWaysAndLogsOneLine() throws Exception {
    try (Socket client = connect(forwarder());
        Socket server = origin.accept()) {
      client.getOutputStream().write("question".getBytes(StandardCharsets.UTF_8));
      client.shutdownOutput();
      assertThat(server.getInputStream().readAllBytes()).hasSize(8);
      server.getOutputStream().write("answer".getBytes(StandardCharsets.UTF_8));
      server.shutdownOutput();
      assertThat(client.getInputStream().readAllBytes()).hasSize(6);
      assertThat(line())
          .contains("client=127.0.0.1:" + client.getLocalPort() + " ")
          .contains("target=127.0.0.1:" + origin.getLocalPort() + " ")
          .contains("toTarget=8 toClient=6 ", "reason=eof endedBy=client ")
          .containsPattern("rtt=[0-9.]+ms/[0-9.]+ms retransmits=0/0 relay=");
    }
    assertThat(lines).isEmpty();
  }

  @Test
  void resetsTheClientOfATargetThatRefuses() throws Exception {
    int forwarder = forwarder();
    origin.close();
    try (Socket client = connect(forwarder)) {
      assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
      assertThat(line()).contains("reason=connect-failed error=ECONNREFUSED");
    }
  }

  @Test
  void passesAResetOn() throws Exception {
    try (Socket client = connect(forwarder())) {
      client.getOutputStream().write(1);
      try (Socket server = origin.accept()) {
        assertThat(server.getInputStream().read()).isEqualTo(1);
        server.setSoLinger(true, 0);
      }
      assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
      assertThat(line()).contains("reason=reset endedBy=target");
    }
  }

  @Test
  void keepsItsLimits() throws Exception {
    try (Socket client = connect(forwarder("--idle-timeout", "100ms"));
        Socket server = origin.accept()) {
      assertThat(line()).contains("reason=idle ");
      assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
      assertThatThrownBy(() -> server.getInputStream().read()).isInstanceOf(SocketException.class);
    }
  }

  @Test
  void closingAnEmbeddedSplicerAbortsWhatLives() throws Exception {
    try (Socket client = connect(forwarder());
        Socket server = origin.accept()) {
      client.getOutputStream().write(1);
      assertThat(server.getInputStream().read()).isEqualTo(1);
      splicer.close().await(10, TimeUnit.SECONDS);
      closed = true;
      assertThat(line()).contains("toTarget=1 toClient=0 ", "reason=aborted ");
      assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
    }
  }

  @Test
  void relayWhoseAnswerWasLostEndsInOrder(@TempDir Path directory) throws Exception {
    try (LossyPath way = remote(directory);
        Socket client = new Socket()) {
      way.lose("\"relay\":");
      // The client does not read for now, so most of it waits in the relay's socket at the end.
      client.setReceiveBufferSize(4096);
      client.setSoTimeout(10_000);
      client.connect(new InetSocketAddress(LOOPBACK, forwarder()));
      client.shutdownOutput();
      try (Socket server = origin.accept()) {
        server.getOutputStream().write(new byte[300_000]);
      }
      assertThat(line()).contains("reason=lost error=unavailable");
      assertThat(line()).contains("toTarget=0 toClient=300000 ", "reason=eof ");
      Await.until("the service has closed its sockets", () -> held() == 0);
      assertThat(client.getInputStream().readAllBytes()).hasSize(300_000);
      splicer.close().await(10, TimeUnit.SECONDS);
    }
  }

  /** Uses a Splicer with a control socket instead, over a way that can lose messages. */
  private LossyPath remote(Path directory) throws Exception {
    splicer.close().await(10, TimeUnit.SECONDS);
    closed = true;
    OxbowOptions options =
        new OxbowOptions(directory).setSplicer(new SplicerOptions().setIdlePipes(0));
    vertx.deployVerticle(new SplicerVerticle(options)).await(10, TimeUnit.SECONDS);
    Path lossy = directory.resolve("lossy.sock");
    LossyPath way = new LossyPath(lossy, directory.resolve("splicer.sock"));
    splicer = Splicer.remote(vertx, lossy, "forward").await(10, TimeUnit.SECONDS);
    return way;
  }

  private int held() {
    return splicer.stats().await().getInteger("descriptors");
  }

  @Test
  void connectionWhoseRequestWasLostIsReset(@TempDir Path directory) throws Exception {
    try (LossyPath way = remote(directory)) {
      way.lose("\"splice\"");
      try (Socket client = connect(forwarder());
          Socket server = origin.accept()) {
        server.setSoTimeout(10_000);
        assertThat(line()).contains("reason=lost error=unavailable");
        for (Socket end : List.of(client, server)) {
          assertThatThrownBy(() -> end.getInputStream().read()).isInstanceOf(SocketException.class);
        }
      }
      splicer.close().await(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void refusesAnAddressThatIsTaken() throws Exception {
    int port = forwarder();
    assertThatThrownBy(() -> forwarder(new Address("127.0.0.1", port)))
        .hasCauseInstanceOf(StartException.class)
        .hasMessageContaining("Cannot listen on 127.0.0.1:" + port + ": bind: EADDRINUSE");
  }

  @Test
  void refusesATargetThatDoesNotExist() {
    assertThatThrownBy(() -> Target.of(new Address("no-such-host.invalid", 1)))
        .isInstanceOf(StartException.class)
        .hasMessage("Cannot forward to no-such-host.invalid:1: unknown host.");
  }

  private int forwarder(String... limits) throws Exception {
    return forwarder(new Address("127.0.0.1", 0), limits);
  }

  /** Starts one for the origin; its port. */
  private int forwarder(Address listen, String... limits) throws Exception {
    Limits parsed = CommandLine.populateCommand(new Limits(), limits);
    AccessLog log = new AccessLog(LogFormat.TEXT, new Lines(), Clock.systemUTC());
    Target target = Target.of(new Address("127.0.0.1", origin.getLocalPort()));
    return onLoop(
        () -> {
          Forwarder forwarder = new Forwarder(context, splicer, log, parsed.limits, 5_000);
          Acceptor acceptor = forwarder.listen(listen, target);
          acceptors.add(acceptor);
          acceptor.start();
          return acceptor.port();
        });
  }

  private static Socket connect(int port) throws IOException {
    Socket socket = new Socket(LOOPBACK, port);
    socket.setSoTimeout(10_000);
    return socket;
  }

  private String line() throws InterruptedException {
    return String.valueOf(lines.poll(10, TimeUnit.SECONDS));
  }

  private <T> T onLoop(Callable<T> task) throws Exception {
    Promise<T> done = Promise.promise();
    context.runOnContext(
        unused -> {
          try {
            done.complete(task.call());
          } catch (Exception e) {
            done.fail(new IllegalStateException(e.getMessage(), e));
          }
        });
    return done.future().await(10, TimeUnit.SECONDS);
  }

  /** A queue of what was written. */
  private final class Lines extends ByteArrayOutputStream {
    @Override
    public synchronized void write(byte[] bytes) {
      lines.add(new String(bytes, StandardCharsets.UTF_8));
    }
  }
}
