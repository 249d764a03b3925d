package dev.oxbow.fdpassing.libc;

import static dev.oxbow.fdpassing.libc.SyscallsTest.failure;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DescriptorLeaks
class SocketsTest {
  private final NativeMemory memory = NativeMemory.allocate(4096);

  @ParameterizedTest
  @EnumSource
  void wouldBlockAndEndAreValues(StreamPair.Kind kind) {
    try (StreamPair pair = kind.open()) {
      int near = pair.near().fd();
      assertThat(Sockets.recv(near, memory.address(), 10, 0)).isEqualTo(Syscalls.AGAIN);
      new TestPeer(pair.near()).fill();
      assertThat(Sockets.send(near, memory.address(), 10, 0)).isEqualTo(Syscalls.AGAIN);
      pair.peer().halfClose();
      assertThat(Sockets.poll(near, Sockets.POLLRDHUP, 1000)).isEqualTo(Sockets.POLLRDHUP);
      assertThat(Sockets.recv(near, memory.address(), 10, 0)).isZero();
    }
  }

  @Test
  void failureNamesTheSyscallAndTheError() {
    Pipe pipe = Pipe.open(0);
    int none = pipe.readEnd().fd();
    long at = memory.address();
    failure(() -> Sockets.recv(none, at, 1, 0), "recv", Errno.ENOTSOCK);
    failure(() -> Sockets.send(none, at, 1, 0), "send", Errno.ENOTSOCK);
    failure(() -> Sockets.recvmsg(none, at, 0), "recvmsg", Errno.ENOTSOCK);
    failure(() -> Sockets.sendmsg(none, at, 0), "sendmsg", Errno.ENOTSOCK);
    failure(() -> Sockets.accept(none), "accept4", Errno.ENOTSOCK);
    failure(() -> Sockets.shutdown(none, 2), "shutdown", Errno.ENOTSOCK);
    failure(() -> Sockets.option(none, 1, Sockets.SO_TYPE), "getsockopt", Errno.ENOTSOCK);
    failure(() -> Sockets.setOption(none, 1, 7, 1), "setsockopt", Errno.ENOTSOCK);
    failure(() -> Sockets.cookie(none), "getsockopt", Errno.ENOTSOCK);
    failure(() -> Sockets.peerCredentials(none), "getsockopt", Errno.ENOTSOCK);
    failure(() -> Sockets.localAddress(none), "getsockname", Errno.ENOTSOCK);
    failure(() -> Sockets.peerAddress(none), "getpeername", Errno.ENOTSOCK);
    failure(() -> Sockets.socket(-1, 1), "socket", 97);
    failure(() -> Sockets.bind(none, new byte[16]), "bind", Errno.ENOTSOCK);
    failure(() -> Sockets.listen(none, 1), "listen", Errno.ENOTSOCK);
    failure(() -> Sockets.connect(none, new byte[16]), "connect", Errno.ENOTSOCK);
    assertThat(Sockets.tryOption(none, 1, Sockets.SO_TYPE)).isEqualTo(-Errno.ENOTSOCK);
    assertThat(Sockets.linger(none, true)).isFalse();
    assertThat(Sockets.tcpInfo(none, memory)).isZero();
    assertThat(Sockets.upperLayer(none)).isEmpty();
    assertThat(Sockets.peerGroups(none)).isEmpty();
    pipe.close();
  }

  @Test
  void acceptWithoutAConnectionWouldBlock() {
    int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
    try (Descriptor listener = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, type))) {
      Sockets.bind(listener.fd(), StreamPair.loopback4(0));
      Sockets.listen(listener.fd(), 1);
      assertThat(Sockets.accept(listener.fd())).isEqualTo(-1);
    }
  }

  @Test
  void acceptedSocketsAreNonBlockingAndCloseOnExec() {
    try (StreamPair pair = StreamPair.tcp4()) {
      final int getDescriptorFlags = 1;
      int flags = Syscalls.fcntl(pair.near().fd(), Syscalls.F_GETFL, 0);
      assertThat(flags & Syscalls.O_NONBLOCK).isNotZero();
      assertThat(Syscalls.fcntl(pair.near().fd(), getDescriptorFlags, 0)).isEqualTo(1);
      assertThat(Syscalls.fcntl(pair.far().fd(), getDescriptorFlags, 0)).isEqualTo(1);
    }
  }

  @Test
  void refusedConnectionIsAnErrorOrToldLater() {
    int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
    try (Descriptor bound = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, type));
        Descriptor socket = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, type))) {
      Sockets.bind(bound.fd(), StreamPair.loopback4(0));
      byte[] nobody = Sockets.localAddress(bound.fd());
      assertThat(Sockets.connect(socket.fd(), nobody)).isFalse();
      assertThat(Sockets.poll(socket.fd(), Sockets.POLLOUT, 1000)).isNotZero();
      int error = Sockets.option(socket.fd(), Sockets.SOL_SOCKET, Sockets.SO_ERROR);
      assertThat(error).isEqualTo(Errno.ECONNREFUSED);
    }
  }

  @Test
  void addressesOfBothEndsMatch() {
    try (StreamPair pair = StreamPair.tcp6()) {
      assertThat(Sockets.localAddress(pair.near().fd()))
          .hasSize(28)
          .isEqualTo(Sockets.peerAddress(pair.far().fd()));
      assertThat(Sockets.peerAddress(pair.near().fd()))
          .isEqualTo(Sockets.localAddress(pair.far().fd()));
    }
  }

  @Test
  void peerOfAUnixSocketIsThisProcess() {
    try (StreamPair pair = StreamPair.unix()) {
      int[] credentials = Sockets.peerCredentials(pair.near().fd());
      assertThat(credentials[0]).isEqualTo((int) ProcessHandle.current().pid());
      assertThat(credentials[1]).isEqualTo((int) Syscalls.effectiveUid());
      assertThat(credentials[2]).isEqualTo((int) Syscalls.effectiveGid());
      assertThat(Sockets.localAddress(pair.near().fd())).hasSize(2);
    }
  }

  @Test
  void tcpInfoIsFilledAsFarAsTheKernelKnows() {
    try (StreamPair pair = StreamPair.tcp4();
        StreamPair unix = StreamPair.unix()) {
      assertThat(Sockets.tcpInfo(pair.near().fd(), memory)).isBetween(232, 1000);
      final int established = 1;
      assertThat(memory.getByte(0)).isEqualTo((byte) established);
      assertThat(Sockets.tcpInfo(unix.near().fd(), memory)).isZero();
      assertThat(Sockets.upperLayer(pair.near().fd())).isEmpty();
    }
  }

  @Test
  void shutdownOfAConnectionThatIsGoneIsNoFailure() {
    try (StreamPair pair = StreamPair.tcp4()) {
      pair.peer().reset();
      Sockets.poll(pair.near().fd(), Sockets.POLLERR, 1000);
      Sockets.shutdown(pair.near().fd(), Sockets.SHUT_WR);
    }
  }
}
