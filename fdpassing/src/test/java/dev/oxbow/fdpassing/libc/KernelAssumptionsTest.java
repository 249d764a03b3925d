package dev.oxbow.fdpassing.libc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** What Oxbow takes for granted of Linux. Each question is answered with yes by its test. */
@DescriptorLeaks
class KernelAssumptionsTest {
  private static final int NONBLOCK = Syscalls.SPLICE_F_NONBLOCK;

  private final NativeMemory memory = NativeMemory.allocate(65_536);

  /** Do duplicates share O_NONBLOCK, and not close-on-exec? */
  @ParameterizedTest
  @EnumSource
  void nonBlockingModeIsSharedByDuplicates(StreamPair.Kind kind) {
    final int setDescriptorFlags = 2;
    final int getDescriptorFlags = 1;
    try (StreamPair pair = kind.open();
        Descriptor copy = pair.near().duplicate()) {
      new TestPeer(pair.near()).nonBlocking(false);
      int flags = Syscalls.fcntl(copy.fd(), Syscalls.F_GETFL, 0);
      assertThat(flags & Syscalls.O_NONBLOCK).isZero();
      Syscalls.fcntl(copy.fd(), setDescriptorFlags, 0);
      assertThat(Syscalls.fcntl(pair.near().fd(), getDescriptorFlags, 0)).isEqualTo(1);
    }
  }

  /**
   * Does a slot of a pipe hold one fragment, so that a pipe of 64 KiB is full after 16 small ones,
   * and does splice(2) then say EAGAIN although the socket has more?
   */
  @Test
  void pipeIsFullAfterAsManyFragmentsAsItHasSlots() {
    Pipe pipe = Pipe.open(0);
    int slots = pipe.capacity() / 4096;
    try (StreamPair pair = StreamPair.unix()) {
      TestPeer far = pair.peer();
      int near = pair.near().fd();
      for (int i = 0; i <= slots; i++) {
        far.write(new byte[100]);
      }
      long moved = 0;
      long n;
      do {
        n = Syscalls.splice(near, pipe.writeEnd().fd(), 65_536, NONBLOCK);
        moved += Math.max(0, n);
      } while (n > 0);
      assertThat(n).isEqualTo(Syscalls.AGAIN);
      assertThat(moved).isEqualTo(100L * slots).isLessThan(pipe.capacity());
      assertThat(Syscalls.bytesWaiting(pipe.readEnd().fd())).isEqualTo((int) moved);
      assertThat(Syscalls.bytesWaiting(near)).isEqualTo(100);
    }
    pipe.close();
  }

  /** Does splice(2) from a socket to a pipe return 0 at the end, and EAGAIN before? */
  @ParameterizedTest
  @EnumSource
  void spliceSaysZeroAtTheEndOfTheStream(StreamPair.Kind kind) {
    Pipe pipe = Pipe.open(0);
    int out = pipe.writeEnd().fd();
    try (StreamPair pair = kind.open()) {
      int near = pair.near().fd();
      assertThat(Syscalls.splice(near, out, 100, NONBLOCK)).isEqualTo(Syscalls.AGAIN);
      TestPeer far = pair.peer();
      far.write(new byte[10]);
      far.halfClose();
      Sockets.poll(near, Sockets.POLLRDHUP, 1000);
      assertThat(Syscalls.splice(near, out, 100, NONBLOCK)).isEqualTo(10);
      assertThat(Syscalls.splice(near, out, 100, NONBLOCK)).isZero();
      assertThat(Syscalls.splice(near, out, 100, NONBLOCK)).isZero();
    }
    pipe.close();
  }

  /** Does O_NONBLOCK on the socket alone keep splice(2) from blocking? */
  @ParameterizedTest
  @EnumSource
  void spliceDoesNotBlockWhereTheSocketDoesNot(StreamPair.Kind kind) {
    Pipe pipe = Pipe.open(0);
    try (StreamPair pair = kind.open()) {
      long n = Syscalls.splice(pair.near().fd(), pipe.writeEnd().fd(), 100, NONBLOCK);
      assertThat(n).isEqualTo(Syscalls.AGAIN);
      new TestPeer(pair.near()).fill();
      Syscalls.write(pipe.writeEnd().fd(), memory.address(), 100);
      n = Syscalls.splice(pipe.readEnd().fd(), pair.near().fd(), 100, NONBLOCK);
      assertThat(n).isEqualTo(Syscalls.AGAIN);
    }
    pipe.close();
  }

  /**
   * Is a reset told exactly once, with everything that came before it still to be read by whoever
   * goes on, and is the end of the stream told after that?
   */
  @Test
  void resetIsToldOnceAndThePeersLastDataCanBeRead() {
    try (StreamPair pair = StreamPair.tcp4()) {
      TestPeer far = pair.peer();
      far.write("last words".getBytes(UTF_8));
      Sockets.poll(pair.near().fd(), Sockets.POLLIN, 1000);
      far.reset();
      Sockets.poll(pair.near().fd(), Sockets.POLLERR, 1000);
      StringBuilder told = new StringBuilder();
      for (int i = 0; i < 4; i++) {
        told.append(receive(pair.near().fd())).append(' ');
      }
      assertThat(told).hasToString("last words ECONNRESET end end ");
    }
  }

  /** The same by splice(2)? */
  @Test
  void resetIsToldOnceBySpliceToo() {
    Pipe pipe = Pipe.open(0);
    try (StreamPair pair = StreamPair.tcp4()) {
      TestPeer far = pair.peer();
      far.write("last words".getBytes(UTF_8));
      Sockets.poll(pair.near().fd(), Sockets.POLLIN, 1000);
      far.reset();
      Sockets.poll(pair.near().fd(), Sockets.POLLERR, 1000);
      StringBuilder told = new StringBuilder();
      for (int i = 0; i < 4; i++) {
        told.append(splice(pair.near().fd(), pipe.writeEnd().fd())).append(' ');
      }
      assertThat(told).hasToString("10 ECONNRESET 0 0 ");
    }
    pipe.close();
  }

  /** The same on AF_UNIX, when the peer closes without having read everything? */
  @Test
  void unixPeerThatClosedWithUnreadDataIsToldOnceToo() {
    try (StreamPair pair = StreamPair.unix()) {
      new TestPeer(pair.near()).write(new byte[1]);
      TestPeer far = pair.peer();
      far.write("last words".getBytes(UTF_8));
      far.close();
      StringBuilder told = new StringBuilder();
      for (int i = 0; i < 4; i++) {
        told.append(receive(pair.near().fd())).append(' ');
      }
      assertThat(told).hasToString("last words ECONNRESET end end ");
    }
  }

  /** Does a write that fails take the error away, so that a reader sees only the end? */
  @Test
  void resetThatAWriterSawIsNotToldToTheReaderAgain() {
    try (StreamPair pair = StreamPair.tcp4()) {
      TestPeer far = pair.peer();
      far.write("last words".getBytes(UTF_8));
      Sockets.poll(pair.near().fd(), Sockets.POLLIN, 1000);
      far.reset();
      Sockets.poll(pair.near().fd(), Sockets.POLLERR, 1000);
      assertThat(send(pair.near().fd())).isEqualTo("ECONNRESET");
      assertThat(send(pair.near().fd())).isEqualTo("EPIPE");
      assertThat(receive(pair.near().fd())).isEqualTo("last words");
      assertThat(receive(pair.near().fd())).isEqualTo("end");
    }
  }

  /** Is a reset known from the state TCP_CLOSE, where an orderly end on one side is not? */
  @Test
  void stateAfterAResetIsClose() {
    final int close = 7;
    final int closeWait = 8;
    try (StreamPair pair = StreamPair.tcp4();
        StreamPair orderly = StreamPair.tcp4()) {
      pair.peer().reset();
      Sockets.poll(pair.near().fd(), Sockets.POLLERR, 1000);
      Sockets.tcpInfo(pair.near().fd(), memory);
      assertThat(memory.getByte(0)).isEqualTo((byte) close);
      orderly.peer().halfClose();
      Sockets.poll(orderly.near().fd(), Sockets.POLLRDHUP, 1000);
      Sockets.tcpInfo(orderly.near().fd(), memory);
      assertThat(memory.getByte(0)).isEqualTo((byte) closeWait);
    }
  }

  /** Do duplicates have the same SO_COOKIE, and all other sockets another one? */
  @ParameterizedTest
  @EnumSource
  void cookieNamesTheSocket(StreamPair.Kind kind) {
    try (StreamPair pair = kind.open();
        StreamPair other = kind.open();
        Descriptor copy = pair.near().duplicate()) {
      long cookie = Sockets.cookie(pair.near().fd());
      assertThat(cookie).isNotZero().isEqualTo(Sockets.cookie(copy.fd()));
      assertThat(cookie)
          .isNotEqualTo(Sockets.cookie(pair.far().fd()))
          .isNotEqualTo(Sockets.cookie(other.near().fd()));
    }
  }

  /** Does a TCP socket forget its peer's address, but not its own, when it is reset? */
  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "UNIX")
  void peerAddressIsGoneAfterAReset(StreamPair.Kind kind) {
    try (StreamPair pair = kind.open()) {
      int near = pair.near().fd();
      byte[] local = Sockets.localAddress(near);
      pair.peer().reset();
      Sockets.poll(near, Sockets.POLLERR, 1000);
      SyscallsTest.failure(() -> Sockets.peerAddress(near), "getpeername", Errno.ENOTCONN);
      assertThat(Sockets.localAddress(near)).isEqualTo(local);
    }
  }

  /** Does an empty packet look to recv(2) like the end, and RDHUP tell them apart? */
  @Test
  void emptyPacketLooksLikeTheEndButForTheHangUp() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_NONBLOCK);
    try (Descriptor near = Descriptor.adopt((int) ends);
        Descriptor far = Descriptor.adopt((int) (ends >>> 32))) {
      Sockets.send(far.fd(), memory.address(), 0, 0);
      assertThat(Sockets.recv(near.fd(), memory.address(), 10, 0)).isZero();
      assertThat(Sockets.recv(near.fd(), memory.address(), 10, 0)).isEqualTo(Syscalls.AGAIN);
      assertThat(Sockets.poll(near.fd(), Sockets.POLLRDHUP, 0)).isZero();
      Sockets.shutdown(far.fd(), Sockets.SHUT_WR);
      assertThat(Sockets.recv(near.fd(), memory.address(), 10, 0)).isZero();
      assertThat(Sockets.poll(near.fd(), Sockets.POLLRDHUP, 0)).isEqualTo(Sockets.POLLRDHUP);
    }
  }

  /** Does FIONREAD count the bytes of all packets that wait on a SEQPACKET socket? */
  @Test
  void bytesOfAllWaitingPacketsAreCounted() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET);
    try (Descriptor near = Descriptor.adopt((int) ends);
        Descriptor far = Descriptor.adopt((int) (ends >>> 32))) {
      for (int length : new int[] {0, 5, 0, 7}) {
        Sockets.send(far.fd(), memory.address(), length, 0);
      }
      assertThat(Syscalls.bytesWaiting(near.fd())).isEqualTo(12);
    }
  }

  /**
   * Once somebody clears O_NONBLOCK, does splice(2) from TCP to a pipe block, SPLICE_F_NONBLOCK or
   * not; does /proc show on which descriptors; and does shutdown(2) from another thread wake it?
   */
  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "UNIX")
  void spliceBlockedOnReadingIsSeenFromOutsideAndWokenByShutdown(StreamPair.Kind kind)
      throws Exception {
    Pipe pipe = Pipe.open(0);
    try (StreamPair pair = kind.open()) {
      int near = pair.near().fd();
      new TestPeer(pair.near()).nonBlocking(false);
      assertThat(blockedSplice(near, pipe.writeEnd().fd(), near)).isEqualTo("0");
    }
    pipe.close();
  }

  /** And so from a pipe to a full socket, of any kind? */
  @ParameterizedTest
  @EnumSource
  void spliceBlockedOnWritingIsSeenFromOutsideAndWokenByShutdown(StreamPair.Kind kind)
      throws Exception {
    Pipe pipe = Pipe.open(0);
    try (StreamPair pair = kind.open()) {
      int near = pair.near().fd();
      TestPeer peer = new TestPeer(pair.near());
      peer.fill();
      peer.nonBlocking(false);
      Syscalls.write(pipe.writeEnd().fd(), memory.address(), 100);
      assertThat(blockedSplice(pipe.readEnd().fd(), near, near)).isEqualTo("EPIPE");
    }
    pipe.close();
  }

  /** Does splice(2) from AF_UNIX obey SPLICE_F_NONBLOCK even without O_NONBLOCK? */
  @Test
  void spliceFromUnixSocketsObeysItsFlag() {
    Pipe pipe = Pipe.open(0);
    try (StreamPair pair = StreamPair.unix()) {
      new TestPeer(pair.near()).nonBlocking(false);
      long n = Syscalls.splice(pair.near().fd(), pipe.writeEnd().fd(), 100, NONBLOCK);
      assertThat(n).isEqualTo(Syscalls.AGAIN);
    }
    pipe.close();
  }

  /**
   * Does close(2) of one duplicate leave the connection alone, where shutdown(2) ends it for all?
   */
  @ParameterizedTest
  @EnumSource
  void closeActsForOneDescriptorAndShutdownForAll(StreamPair.Kind kind) {
    StreamPair pair = kind.open();
    try (Descriptor copy = pair.near().duplicate();
        Descriptor another = pair.near().duplicate()) {
      pair.near().close();
      TestPeer far = pair.peer();
      far.write(new byte[1]);
      assertThat(far.atEnd()).isFalse();
      Sockets.shutdown(copy.fd(), Sockets.SHUT_WR);
      assertThat(far.readAll()).isEmpty();
      assertThat(send(another.fd())).isEqualTo("EPIPE");
    }
    pair.close();
  }

  private String receive(int fd) {
    try {
      long n = Sockets.recv(fd, memory.address(), 100, 0);
      return n == 0 ? "end" : n < 0 ? "EAGAIN" : new String(memory.bytes(0, (int) n), UTF_8);
    } catch (LinuxException e) {
      return Errno.name(e.errno());
    }
  }

  private static String splice(int in, int out) {
    try {
      return Long.toString(Syscalls.splice(in, out, 100, NONBLOCK));
    } catch (LinuxException e) {
      return Errno.name(e.errno());
    }
  }

  private String send(int fd) {
    try {
      return Long.toString(Sockets.send(fd, memory.address(), 1, 0));
    } catch (LinuxException e) {
      return Errno.name(e.errno());
    }
  }

  /** Lets a thread block in splice, sees it there, and wakes it; what splice said then. */
  private static String blockedSplice(int in, int out, int socket) throws Exception {
    AtomicLong task = new AtomicLong();
    CompletableFuture<String> result = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              task.set(currentTask());
              result.complete(splice(in, out));
            });
    thread.start();
    String blocked = String.format("275 0x%x 0x0 0x%x 0x0 0x64 0x2 ", in, out);
    Await.until(blocked, () -> syscallOf(task.get()).startsWith(blocked));
    assertThat(result).isNotDone();
    Sockets.shutdown(socket, Sockets.SHUT_RDWR);
    thread.join();
    return result.get(5, TimeUnit.SECONDS);
  }

  private static long currentTask() {
    try {
      Path task = Files.readSymbolicLink(Path.of("/proc/thread-self"));
      return Long.parseLong(task.getFileName().toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String syscallOf(long task) {
    try {
      return Files.readString(Path.of("/proc/self/task/" + task + "/syscall"));
    } catch (IOException e) {
      return "";
    }
  }
}
