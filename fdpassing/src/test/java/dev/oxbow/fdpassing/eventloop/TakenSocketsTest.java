package dev.oxbow.fdpassing.eventloop;

import static dev.oxbow.fdpassing.testing.EpollVertx.await;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.NetSockets.Taken;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.OpenDescriptors;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import io.vertx.core.AbstractVerticle;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.ThreadingModel;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.PfxOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
class TakenSocketsTest {
  private static final int MANY = 1 << 20;

  private EpollVertx vertx;

  @BeforeEach
  void start() {
    vertx = EpollVertx.open();
  }

  @AfterEach
  void stop() {
    vertx.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 100, 4_096, 65_536, 300_000})
  void takesWhatAPausedSocketHasReadAsUnread(int size) {
    StreamPair pair = StreamPair.tcp4();
    try (TestPeer peer = pair.peer()) {
      NetSocket socket = give(pair.near(), NetSocket::pause);
      byte[] sent = Echo.random(size);
      peer.write(sent);
      vertx.run(() -> {});
      Taken taken = await(NetSockets.take(socket));
      peer.halfClose();
      try (TestPeer near = new TestPeer(taken.descriptor())) {
        assertThat(concat(taken.unread().getBytes(), near.readAll())).isEqualTo(sent);
        near.write("still there".getBytes(UTF_8));
        assertThat(peer.read(11)).asString().isEqualTo("still there");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 1_000, 65_537, 300_000, MANY - 1})
  void echoGoesOnByHandAfterTheTakeWithoutALostByte(int takeAfter) {
    Promise<Taken> taking = Promise.promise();
    int port = listen(socket -> echoUntil(socket, takeAfter, taking));
    byte[] sent = Echo.random(MANY);
    try (TestPeer peer = connect(port)) {
      Thread byHand = new Thread(() -> echoByHand(await(taking.future())));
      byHand.start();
      assertThat(Echo.through(peer, sent)).isEqualTo(sent);
      peer.halfClose();
      assertThat(peer.readAll()).isEmpty();
      join(byHand);
    }
  }

  @Test
  void pendingWritesAreFlushedFirst() {
    StreamPair pair = StreamPair.tcp4();
    try (TestPeer peer = pair.peer()) {
      byte[] written = Echo.random(16 * MANY);
      NetSocket socket = give(pair.near(), taken -> taken.write(Buffer.buffer(written)));
      Future<Taken> taking = NetSockets.take(socket);
      peer.write("unread".getBytes(UTF_8));
      vertx.run(() -> assertThat(taking.isComplete()).isFalse());
      assertThat(peer.read(written.length)).isEqualTo(written);
      Taken taken = await(taking);
      try (TestPeer near = new TestPeer(taken.descriptor())) {
        peer.halfClose();
        assertThat(concat(taken.unread().getBytes(), near.readAll()))
            .asString()
            .isEqualTo("unread");
      }
    }
  }

  @Test
  void theEndOfThePeersStreamWhileWritesArePendingDoesNotCutThem() {
    StreamPair pair = StreamPair.tcp4();
    try (TestPeer peer = pair.peer()) {
      byte[] written = Echo.random(16 * MANY);
      NetSocket socket = give(pair.near(), taken -> taken.write(Buffer.buffer(written)));
      Future<Taken> taking = NetSockets.take(socket);
      vertx.run(() -> {});
      peer.write("last words".getBytes(UTF_8));
      peer.halfClose();
      vertx.run(() -> {});
      assertThat(peer.read(written.length)).isEqualTo(written);
      Taken taken = await(taking);
      try (TestPeer near = new TestPeer(taken.descriptor())) {
        byte[] all = concat(taken.unread().getBytes(), near.readAll());
        assertThat(all).asString().isEqualTo("last words");
      }
    }
  }

  @Test
  void takenSocketIsClosedForVertxButTellsNobody() {
    StreamPair pair = StreamPair.tcp4();
    AtomicInteger told = new AtomicInteger();
    try (TestPeer peer = pair.peer()) {
      NetSocket socket =
          give(
              pair.near(),
              taken ->
                  taken
                      .closeHandler(v -> told.incrementAndGet())
                      .endHandler(v -> told.incrementAndGet())
                      .exceptionHandler(e -> told.incrementAndGet()));
      Taken taken = await(NetSockets.take(socket));
      assertThatThrownBy(() -> await(socket.write("late"))).isNotNull();
      assertThatThrownBy(() -> await(NetSockets.take(socket))).hasMessageContaining("closed");
      vertx.run(() -> {});
      assertThat(told).hasValue(0);
      assertThat(peer.atEnd()).isFalse();
      taken.descriptor().close();
      assertThat(peer.readAll()).isEmpty();
    }
  }

  @Test
  void takeFailsAndTheCloseHandlerIsCalledWhenTheConnectionBreaksFirst() {
    StreamPair pair = StreamPair.tcp4();
    Promise<Void> closed = Promise.promise();
    TestPeer peer = pair.peer();
    NetSocket socket =
        give(
            pair.near(),
            taken -> {
              taken.closeHandler(closed::complete).exceptionHandler(e -> {});
              taken.write(Buffer.buffer(new byte[16 * MANY]));
            });
    Future<Taken> taking = NetSockets.take(socket);
    vertx.run(() -> {});
    peer.reset();
    assertThatThrownBy(() -> await(taking)).hasMessageContaining("closed before");
    await(closed.future());
  }

  @Test
  void socketOfAWorkerIsTakenWithWhatItHasNotDelivered() {
    Promise<NetSocket> given = Promise.promise();
    StreamPair pair = StreamPair.unix();
    byte[] sent = Echo.random(200_000);
    AbstractVerticle worker =
        new AbstractVerticle() {
          @Override
          public void start() {
            NetSockets.give(context, pair.near()).onSuccess(NetSocket::pause).onComplete(given);
          }
        };
    DeploymentOptions options = new DeploymentOptions().setThreadingModel(ThreadingModel.WORKER);
    await(vertx.vertx().deployVerticle(worker, options));
    try (TestPeer peer = pair.peer()) {
      NetSocket socket = await(given.future());
      peer.write(Arrays.copyOf(sent, 1_000));
      Thread rest = new Thread(() -> peer.write(Arrays.copyOfRange(sent, 1_000, sent.length)));
      rest.start();
      Taken taken = await(NetSockets.take(socket));
      try (TestPeer near = new TestPeer(taken.descriptor())) {
        byte[] unread = taken.unread().getBytes();
        assertThat(concat(unread, near.read(sent.length - unread.length))).isEqualTo(sent);
      }
      join(rest);
    }
  }

  @Test
  void takenTwiceTheSecondIsRefused() {
    StreamPair pair = StreamPair.tcp4();
    try (TestPeer peer = pair.peer()) {
      NetSocket socket =
          give(pair.near(), taken -> taken.write(Buffer.buffer(Echo.random(16 * MANY))));
      Future<Taken> first = NetSockets.take(socket);
      Future<Taken> second = NetSockets.take(socket);
      assertThatThrownBy(() -> await(second)).isInstanceOf(IllegalArgumentException.class);
      peer.read(16 * MANY);
      await(first).descriptor().close();
    }
  }

  @Test
  void takenAndGivenAThousandTimesNothingLeaks() {
    StreamPair pair = StreamPair.tcp4();
    OpenDescriptors before = OpenDescriptors.now();
    try (TestPeer peer = pair.peer()) {
      Descriptor descriptor = pair.near();
      for (int i = 0; i < 1_000; i++) {
        NetSocket socket = give(descriptor, NetSocket::pause);
        peer.write(new byte[] {(byte) i});
        Taken taken = await(NetSockets.take(socket));
        TestPeer near = new TestPeer(taken.descriptor());
        byte[] got = taken.unread().length() == 1 ? taken.unread().getBytes() : near.read(1);
        assertThat(got).containsExactly((byte) i);
        descriptor = taken.descriptor();
      }
      Await.until(
          "as many descriptors as before", () -> OpenDescriptors.now().minus(before).isEmpty());
      descriptor.close();
    }
  }

  @Test
  void refusesTls(@TempDir Path directory) throws Exception {
    Promise<NetSocket> accepted = Promise.promise();
    NetServerOptions options =
        new NetServerOptions()
            .setSsl(true)
            .setHost("127.0.0.1")
            .setKeyCertOptions(certificate(directory));
    NetServer server = vertx.vertx().createNetServer(options).connectHandler(accepted::complete);
    int port = await(server.listen(0)).actualPort();
    NetClientOptions trusting =
        new NetClientOptions().setSsl(true).setTrustAll(true).setHostnameVerificationAlgorithm("");
    NetClient connector = vertx.vertx().createNetClient(trusting);
    NetSocket client = await(connector.connect(port, "127.0.0.1"));
    for (NetSocket socket : new NetSocket[] {client, await(accepted.future())}) {
      assertThatThrownBy(() -> await(NetSockets.take(socket)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("TLS");
    }
    // Until here: a collected client closes its sockets.
    await(connector.close());
  }

  private static PfxOptions certificate(Path directory) throws Exception {
    Path store = directory.resolve("store.p12");
    Path keytool = Path.of(System.getProperty("java.home"), "bin", "keytool");
    String options = "-genkeypair -keyalg EC -alias a -dname CN=a -storepass changeit -keystore";
    List<String> command = new ArrayList<>(List.of(keytool.toString()));
    command.addAll(List.of(options.split(" ")));
    command.add(store.toString());
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
    return new PfxOptions().setPath(store.toString()).setPassword("changeit");
  }

  private int listen(Handler<NetSocket> accept) {
    NetServerOptions options = new NetServerOptions().setHost("127.0.0.1");
    NetServer server = vertx.vertx().createNetServer(options).connectHandler(accept);
    return await(server.listen(0)).actualPort();
  }

  private static TestPeer connect(int port) {
    int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
    Descriptor socket = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, type));
    Sockets.connect(socket.fd(), StreamPair.loopback4(port));
    Sockets.poll(socket.fd(), Sockets.POLLOUT, 5_000);
    return new TestPeer(socket);
  }

  private static void echoUntil(NetSocket socket, int takeAfter, Promise<Taken> taking) {
    AtomicInteger seen = new AtomicInteger();
    socket.handler(
        bytes -> {
          socket.write(bytes);
          if (seen.addAndGet(bytes.length()) >= takeAfter && seen.get() > 0) {
            seen.set(Integer.MIN_VALUE);
            NetSockets.take(socket).onComplete(taking);
          }
        });
  }

  private static void echoByHand(Taken taken) {
    try (TestPeer near = new TestPeer(taken.descriptor())) {
      near.write(taken.unread().getBytes());
      while (!near.atEnd()) {
        near.write(near.tryRead());
      }
    }
  }

  private NetSocket give(Descriptor descriptor, Handler<NetSocket> prepare) {
    Future<NetSocket> given = NetSockets.give(vertx.context(), descriptor).onSuccess(prepare);
    return await(given);
  }

  private static byte[] concat(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  private static void join(Thread thread) {
    try {
      thread.join(20_000);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
