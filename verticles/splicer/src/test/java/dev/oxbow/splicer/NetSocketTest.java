package dev.oxbow.splicer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.eventloop.NetSockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.splicer.load.Wire;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Live sockets of Vert.x go into a relay, and come out of it alive. */
@DescriptorLeaks
class NetSocketTest {
  private final Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
  private final Context context = vertx.getOrCreateContext();
  @TempDir private Path directory;
  private Splicer splicer;

  @BeforeEach
  void open() {
    splicer = EpollVertx.await(Splicer.embedded(vertx, new OxbowOptions(directory)));
  }

  @AfterEach
  void close() {
    EpollVertx.await(splicer.close());
    EpollVertx.await(vertx.close());
  }

  /** A near end as a paused socket of Vert.x. */
  private NetSocket netSocket(dev.oxbow.fdpassing.descriptor.Descriptor near) {
    Promise<NetSocket> made = Promise.promise();
    context.runOnContext(
        v -> NetSockets.give(context, near).map(NetSocket::pause).onComplete(made));
    return EpollVertx.await(made.future());
  }

  @Test
  void relaysWhatVertxHadReadBeforeWhatIsStillToCome() {
    try (Wire wire = Wire.tcp()) {
      NetSocket a = netSocket(wire.a());
      NetSocket b = netSocket(wire.b());
      EpollVertx.await(b.write(Buffer.buffer("greeting ")));
      Promise<Void> unread = Promise.promise();
      a.handler(
          first -> {
            assertThat(first.toString()).isEqualTo("line\n");
            a.handler(null).pause();
            unread.complete();
          });
      wire.peerA().write("line\n".getBytes(UTF_8));
      context.runOnContext(v -> a.fetch(1));
      EpollVertx.await(unread.future());
      wire.peerA().write("unread ".getBytes(UTF_8));
      Relay relay =
          EpollVertx.await(SpliceRequest.of(a, b).compose(request -> splicer.splice(request)));
      wire.peerA().write("relayed".getBytes(UTF_8));
      assertThat(wire.peerB().read(23)).asString().isEqualTo("greeting unread relayed");
      EpollVertx.await(splicer.abort(relay.id()));
      SpliceReport report = EpollVertx.await(relay.finished());
      answerAsNetSocket(wire, report);
    }
  }

  private void answerAsNetSocket(Wire wire, SpliceReport report) {
    Promise<NetSocket> given = Promise.promise();
    context.runOnContext(
        v ->
            NetSockets.give(context, report.a().socket())
                .map(socket -> socket.handler(socket::write))
                .onComplete(given));
    NetSocket alive = EpollVertx.await(given.future());
    wire.peerA().write("echo".getBytes(UTF_8));
    assertThat(wire.peerA().read(4)).asString().isEqualTo("echo");
    EpollVertx.await(alive.close());
    report.close();
  }

  @Test
  void leaksNothingWhenOneOfTwoSocketsCannotBeTaken() {
    try (Wire wire = Wire.tcp()) {
      NetSocket a = netSocket(wire.a());
      NetSocket b = netSocket(wire.b());
      EpollVertx.await(b.close());
      Future<SpliceRequest> request = SpliceRequest.of(a, b);
      assertThatThrownBy(() -> EpollVertx.await(request)).isNotNull();
      assertThat(wire.peerA().readAll()).isEmpty();
    }
  }
}
