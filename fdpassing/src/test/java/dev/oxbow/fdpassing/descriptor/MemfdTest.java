package dev.oxbow.fdpassing.descriptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
class MemfdTest {

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 65_535, 65_536, 65_537, 1_000_000})
  void contentIsReadBack(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    try (Descriptor memfd = Memfd.of("test", bytes)) {
      assertThat(Memfd.read(memfd.fd(), length)).isEqualTo(bytes);
      assertThat(Memfd.read(memfd.fd(), Integer.MAX_VALUE)).isEqualTo(bytes);
      if (length > 0) {
        assertThat(Memfd.read(memfd.fd(), length - 1)).isNull();
      }
    }
  }

  @Test
  void copyCanNeitherBeWrittenNorCutNorExtendedNorUnsealed() {
    NativeMemory memory = NativeMemory.allocate(16);
    try (Descriptor memfd = Memfd.of("test", new byte[10])) {
      int fd = memfd.fd();
      assertThat(Syscalls.tryFcntl(fd, Syscalls.F_GET_SEALS, 0)).isEqualTo(0xF);
      assertThatThrownBy(() -> Syscalls.write(fd, memory.address(), 1))
          .hasMessageContaining("EPERM");
      assertThatThrownBy(() -> Syscalls.ftruncate(fd, 9)).hasMessageContaining("EPERM");
      assertThatThrownBy(() -> Syscalls.ftruncate(fd, 11)).hasMessageContaining("EPERM");
      assertThat(Syscalls.tryFcntl(fd, Syscalls.F_ADD_SEALS, 1)).isEqualTo(-Errno.EPERM);
    }
  }

  @Test
  void openMemoryIsZeroedWritableAndOfAFixedSize() {
    try (Descriptor memfd = Memfd.open("test", 10_000)) {
      NativeMemory map = NativeMemory.map(memfd.fd(), 10_000);
      assertThat(map.bytes(0, 10_000)).containsOnly(0);
      map.putByte(9_999, 7);
      assertThat(Memfd.read(memfd.fd(), 10_000)[9_999]).isEqualTo((byte) 7);
      assertThatThrownBy(() -> Syscalls.ftruncate(memfd.fd(), 1)).hasMessageContaining("EPERM");
      assertThatThrownBy(() -> Syscalls.ftruncate(memfd.fd(), 20_000))
          .hasMessageContaining("EPERM");
      map.unmap();
    }
  }

  @Test
  void openLeavesNothingBehindWhenItFails() {
    assertThatThrownBy(() -> Memfd.open("test", -1)).isInstanceOf(LinuxException.class);
    assertThatThrownBy(() -> Memfd.open("n".repeat(250), 1)).isInstanceOf(LinuxException.class);
  }

  @Test
  void otherKindsOfDescriptorsAreNoMemfd() throws Exception {
    Path file = Files.createTempFile(Path.of("target"), "file", "");
    Pipe pipe = Pipe.open(0);
    try (StreamPair pair = StreamPair.tcp4();
        StreamPair unix = StreamPair.unix();
        Descriptor regular = Descriptor.adopt(Syscalls.open(file.toString(), 0, 0));
        Descriptor device = Descriptor.adopt(Syscalls.open("/dev/null", 0, 0));
        Descriptor directory = Descriptor.adopt(Syscalls.open("/proc", 0, 0));
        Descriptor memfd = Memfd.of("test", new byte[1])) {
      for (Descriptor other :
          Arrays.asList(
              pipe.readEnd(),
              pipe.writeEnd(),
              pair.near(),
              unix.near(),
              regular,
              device,
              directory)) {
        assertThat(Memfd.isSharedMemory(other.fd())).isFalse();
      }
      assertThat(Memfd.isSharedMemory(memfd.fd())).isTrue();
      assertThat(Memfd.isSharedMemory(1_000_000)).isFalse();
    }
    pipe.close();
    Files.delete(file);
  }

  @Test
  void readingWhileTheOwnerShrinksAndGrowsItNeverFaultsNorPassesTheLimit() throws Exception {
    final int limit = 1 << 20;
    int fd = Syscalls.memfdCreate("test", Syscalls.MFD_CLOEXEC | Syscalls.MFD_ALLOW_SEALING);
    AtomicBoolean done = new AtomicBoolean();
    try (Descriptor memfd = Descriptor.adopt(fd)) {
      Thread owner =
          new Thread(
              () -> {
                Random random = new Random(7);
                while (!done.get()) {
                  Syscalls.ftruncate(fd, random.nextInt(2 * limit));
                }
              });
      owner.start();
      for (int i = 0; i < 300; i++) {
        byte[] content = Memfd.read(memfd.fd(), limit);
        assertThat(content == null ? 0 : content.length).isLessThanOrEqualTo(limit);
      }
      done.set(true);
      owner.join();
    }
  }
}
