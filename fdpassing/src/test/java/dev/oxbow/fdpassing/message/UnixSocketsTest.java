package dev.oxbow.fdpassing.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class UnixSocketsTest {
  @TempDir Path directory;

  @Test
  void connectedPeersExchangePackets() throws IOException {
    Path path = directory.resolve("s.sock");
    try (Descriptor listener = UnixSockets.listen(path, file -> {})) {
      assertThat(Sockets.accept(listener.fd())).isEqualTo(-1);
      try (PacketPeer client = new PacketPeer(UnixSockets.connect(path));
          PacketPeer server = accept(listener)) {
        client.send("ping");
        assertThat(server.receive().bytes()).asString().isEqualTo("ping");
        server.send("pong");
        assertThat(client.receive().bytes()).asString().isEqualTo("pong");
        assertThat(Sockets.peerCredentials(server.fd())[0])
            .isEqualTo((int) ProcessHandle.current().pid());
        for (int fd : new int[] {listener.fd(), client.fd(), server.fd()}) {
          int flags = Syscalls.fcntl(fd, Syscalls.F_GETFL, 0);
          assertThat(flags & Syscalls.O_NONBLOCK).isNotZero();
          final int getDescriptorFlags = 1;
          assertThat(Syscalls.fcntl(fd, getDescriptorFlags, 0)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void staleFileIsReplacedAndAPredecessorKeepsItsClients() throws IOException {
    Path path = directory.resolve("s.sock");
    Descriptor first = UnixSockets.listen(path, file -> {});
    try (PacketPeer early = new PacketPeer(UnixSockets.connect(path));
        Descriptor second = UnixSockets.listen(path, file -> {});
        PacketPeer late = new PacketPeer(UnixSockets.connect(path));
        PacketPeer ofFirst = accept(first);
        PacketPeer ofSecond = accept(second)) {
      first.close();
      early.send("to the first");
      late.send("to the second");
      assertThat(ofFirst.receive().bytes()).asString().isEqualTo("to the first");
      assertThat(ofSecond.receive().bytes()).asString().isEqualTo("to the second");
    }
    assertThat(path).exists();
    Files.writeString(directory.resolve("plain"), "a plain file");
    UnixSockets.listen(directory.resolve("plain"), file -> {}).close();
    assertThat(Files.isRegularFile(directory.resolve("plain"))).isFalse();
  }

  @Test
  void modeIsSetBeforeAnybodyCanFindOrConnectToIt() throws IOException {
    Path path = directory.resolve("s.sock");
    UnixSockets.BeforeVisible prepare =
        file -> {
          assertThat(path).doesNotExist();
          assertThatThrownBy(() -> UnixSockets.connect(file)).isInstanceOf(IOException.class);
          Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw----"));
        };
    try (Descriptor listener = UnixSockets.listen(path, prepare)) {
      assertThat(listener.isOpen()).isTrue();
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
          .isEqualTo("rw-rw----");
    }
  }

  @Test
  void nothingIsLeftWhenListeningFails() throws IOException {
    Path path = directory.resolve("s.sock");
    assertThatThrownBy(
            () ->
                UnixSockets.listen(
                    path,
                    file -> {
                      throw new IOException("no such group");
                    }))
        .hasMessageContaining("no such group");
    Path taken = Files.createDirectory(directory.resolve("taken"));
    Files.createFile(taken.resolve("x"));
    assertThatThrownBy(() -> UnixSockets.listen(taken, file -> {})).isInstanceOf(IOException.class);
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files.toList()).isEqualTo(List.of(taken));
    }
  }

  @Test
  void failureNamesThePath() {
    Path missing = directory.resolve("missing.sock");
    assertThatThrownBy(() -> UnixSockets.connect(missing))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(missing.toString());
    Path nowhere = directory.resolve("no/such/dir.sock");
    assertThatThrownBy(() -> UnixSockets.listen(nowhere, file -> {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(nowhere.toString());
    Path tooLong = directory.resolve("x".repeat(120));
    assertThatThrownBy(() -> UnixSockets.connect(tooLong))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(tooLong.toString());
    assertThatThrownBy(() -> UnixSockets.listen(tooLong, file -> {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(tooLong.toString());
  }

  @Test
  void nobodyListensOnAFileThatWasLeftBehind() throws IOException {
    Path path = directory.resolve("s.sock");
    UnixSockets.listen(path, file -> {}).close();
    assertThat(path).exists();
    assertThatThrownBy(() -> UnixSockets.connect(path))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(path.toString());
  }

  private static PacketPeer accept(Descriptor listener) {
    Sockets.poll(listener.fd(), Sockets.POLLIN, 5_000);
    return new PacketPeer(Descriptor.adopt(Sockets.accept(listener.fd())));
  }
}
