package dev.oxbow.fdpassing.eventloop;

import static dev.oxbow.fdpassing.testing.EpollVertx.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DescriptorLeaks
class GivenSocketsTest {
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
  @EnumSource
  void givenSocketReadsAndWrites(StreamPair.Kind kind) {
    StreamPair pair = kind.open();
    try (TestPeer peer = pair.peer()) {
      NetSocket socket = give(pair.near(), Echo::serve);
      byte[] sent = Echo.random(MANY);
      byte[] back = Echo.through(peer, sent);
      assertThat(back).isEqualTo(sent);
      assertThat(pair.near().isOpen()).isFalse();
      await(socket.close());
      assertThat(peer.readAll()).isEmpty();
    }
  }

  @Test
  void givenSocketBecomesNonBlocking() {
    StreamPair pair = StreamPair.tcp4();
    try (TestPeer peer = pair.peer();
        Descriptor duplicate = pair.near().duplicate()) {
      TestPeer near = new TestPeer(duplicate);
      near.nonBlocking(false);
      give(pair.near(), Echo::serve);
      int flags = Syscalls.fcntl(duplicate.fd(), Syscalls.F_GETFL, 0);
      assertThat(flags & Syscalls.O_NONBLOCK).isNotZero();
      assertThat(peer.tryRead()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void givenSocketDeliversAllBeforeTheEndThatThePeerMade(StreamPair.Kind kind) {
    StreamPair pair = kind.open();
    Promise<Buffer> ended = Promise.promise();
    Promise<Void> closed = Promise.promise();
    try (TestPeer peer = pair.peer()) {
      byte[] sent = Echo.random(100_000);
      give(
          pair.near(),
          socket -> {
            Buffer got = Buffer.buffer();
            socket.handler(got::appendBuffer);
            socket.endHandler(end -> ended.complete(got));
            socket.closeHandler(closed::complete);
          });
      peer.write(sent);
      peer.halfClose();
      assertThat(await(ended.future()).getBytes()).isEqualTo(sent);
      await(closed.future());
      assertThat(peer.readAll()).isEmpty();
    }
  }

  @Test
  void refusesToMakeSocketsOfOtherDescriptors() {
    int type = Sockets.SOCK_STREAM;
    try (Descriptor unconnected = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, type));
        Descriptor datagram =
            Descriptor.adopt(Sockets.socket(Sockets.AF_INET, Sockets.SOCK_DGRAM));
        Descriptor listener = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, type));
        Descriptor file = Descriptor.adopt(Syscalls.open("/dev/null", Syscalls.O_RDWR, 0))) {
      Sockets.listen(listener.fd(), 1);
      Descriptor[] packets = UnixSockets.pair();
      for (Descriptor wrong :
          new Descriptor[] {unconnected, datagram, listener, file, packets[0]}) {
        assertThatThrownBy(() -> await(NetSockets.give(vertx.context(), wrong)))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("descriptor(" + wrong.fd() + ")");
      }
      Descriptor.closeAll(Arrays.asList(packets));
    }
  }

  private NetSocket give(Descriptor descriptor, Handler<NetSocket> prepare) {
    Future<NetSocket> given = NetSockets.give(vertx.context(), descriptor).onSuccess(prepare);
    return await(given);
  }
}
