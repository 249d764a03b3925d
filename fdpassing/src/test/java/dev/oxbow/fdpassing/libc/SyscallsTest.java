package dev.oxbow.fdpassing.libc;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class SyscallsTest {
  private final NativeMemory memory = NativeMemory.allocate(4096);

  private Pipe pipe;
  private int in;
  private int out;

  @BeforeEach
  void open() {
    pipe = Pipe.open(0);
    in = pipe.readEnd().fd();
    out = pipe.writeEnd().fd();
  }

  @AfterEach
  void close() {
    pipe.close();
  }

  @Test
  void wouldBlockIsAValue() {
    assertThat(Syscalls.read(in, memory.address(), 1)).isEqualTo(Syscalls.AGAIN);
    try (Descriptor null_ = Descriptor.adopt(Syscalls.open("/dev/null", Syscalls.O_RDWR, 0))) {
      int flags = Syscalls.SPLICE_F_NONBLOCK;
      assertThat(Syscalls.splice(in, null_.fd(), 1, flags)).isEqualTo(Syscalls.AGAIN);
    }
    Pipe other = Pipe.open(0);
    assertThat(Syscalls.tee(in, other.writeEnd().fd(), 1)).isEqualTo(Syscalls.AGAIN);
    other.close();
    while (Syscalls.write(out, memory.address(), memory.size()) != Syscalls.AGAIN) {
      assertThat(Syscalls.bytesWaiting(in)).isLessThanOrEqualTo(pipe.capacity());
    }
    assertThat(Syscalls.bytesWaiting(in)).isEqualTo(pipe.capacity());
  }

  @Test
  void endOfInputIsZero() {
    memory.putBytes(0, "last".getBytes(US_ASCII), 0, 4);
    assertThat(Syscalls.write(out, memory.address(), 4)).isEqualTo(4);
    pipe.writeEnd().close();
    assertThat(Syscalls.read(in, memory.address(), 100)).isEqualTo(4);
    assertThat(memory.bytes(0, 4)).asString().isEqualTo("last");
    assertThat(Syscalls.read(in, memory.address(), 100)).isZero();
    try (Descriptor memfd = Memfd.of("test", new byte[10])) {
      assertThat(Syscalls.pread(memfd.fd(), memory.address(), 100, 4)).isEqualTo(6);
      assertThat(Syscalls.pread(memfd.fd(), memory.address(), 100, 10)).isZero();
      assertThat(Syscalls.pread(memfd.fd(), memory.address(), 100, 1000)).isZero();
    }
  }

  @Test
  void failureNamesTheSyscallAndTheError() {
    int bad = 1_000_000;
    long at = memory.address();
    failure(() -> Syscalls.close(bad), "close", Errno.EBADF);
    failure(() -> Syscalls.read(bad, at, 1), "read", Errno.EBADF);
    failure(() -> Syscalls.write(bad, at, 1), "write", Errno.EBADF);
    failure(() -> Syscalls.pread(in, at, 1, 0), "pread", 29);
    failure(() -> Syscalls.splice(bad, out, 1, 0), "splice", Errno.EBADF);
    failure(() -> Syscalls.tee(in, in, 1), "tee", Errno.EBADF);
    failure(() -> Syscalls.fcntl(bad, Syscalls.F_GETFL, 0), "fcntl", Errno.EBADF);
    failure(() -> Syscalls.bytesWaiting(bad), "ioctl", Errno.EBADF);
    failure(() -> Syscalls.pipe2(-1), "pipe2", Errno.EINVAL);
    failure(() -> Syscalls.memfdCreate("x", -1), "memfd_create", Errno.EINVAL);
    failure(() -> Syscalls.ftruncate(in, 1), "ftruncate", Errno.EINVAL);
    failure(() -> Syscalls.mmap(in, 4096), "mmap", Errno.EACCES);
    failure(() -> Syscalls.open("/no/such", 0, 0), "open", Errno.ENOENT);
    failure(() -> Syscalls.tryLock(bad), "flock", Errno.EBADF);
    assertThatThrownBy(() -> Syscalls.close(bad)).hasMessage("close: EBADF (Bad file descriptor)");
    assertThat(Syscalls.tryFcntl(bad, Syscalls.F_GETFL, 0)).isEqualTo(-Errno.EBADF);
  }

  @Test
  void brokenPipeIsAnExceptionWithoutStackTraceAndNoSignal() {
    pipe.readEnd().close();
    assertThatThrownBy(() -> Syscalls.write(out, memory.address(), 1))
        .isInstanceOfSatisfying(
            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EPIPE))
        .satisfies(e -> assertThat(e.getStackTrace()).isEmpty());
  }

  @Test
  void lockIsHeldAgainstOtherDescriptionsAndSharedWithDuplicates(@TempDir Path directory) {
    String path = directory.resolve("lock").toString();
    int flags = Syscalls.O_RDWR | Syscalls.O_CREAT | Syscalls.O_CLOEXEC;
    Descriptor first = Descriptor.adopt(Syscalls.open(path, flags, 0600));
    try (Descriptor second = Descriptor.adopt(Syscalls.open(path, flags, 0600))) {
      assertThat(Syscalls.tryLock(first.fd())).isTrue();
      assertThat(Syscalls.tryLock(second.fd())).isFalse();
      try (Descriptor copy = first.duplicate()) {
        assertThat(Syscalls.tryLock(copy.fd())).isTrue();
        first.close();
        assertThat(Syscalls.tryLock(second.fd())).isFalse();
      }
      assertThat(Syscalls.tryLock(second.fd())).isTrue();
    }
  }

  @Test
  void limitAndIdsAreThoseThatProcShows() throws Exception {
    String limits = Files.readString(Path.of("/proc/self/limits"));
    assertThat(limits).containsPattern("Max open files +" + Syscalls.descriptorLimit() + " ");
    String status = Files.readString(Path.of("/proc/self/status"));
    assertThat(status).containsPattern("Uid:\t\\d+\t" + Syscalls.effectiveUid() + "\t");
    assertThat(status).containsPattern("Gid:\t\\d+\t" + Syscalls.effectiveGid() + "\t");
  }

  @Test
  void mappingSharesMemoryUntilItIsUnmapped() {
    try (Descriptor memfd = Memfd.open("test", 8192)) {
      NativeMemory one = NativeMemory.map(memfd.fd(), 8192);
      NativeMemory two = NativeMemory.map(memfd.fd(), 8192);
      one.putLong(8184, -7);
      assertThat(two.getLong(8184)).isEqualTo(-7);
      assertThat(two.view().getLong(8184)).isEqualTo(-7);
      assertThatThrownBy(() -> one.getLong(8185)).isInstanceOf(IndexOutOfBoundsException.class);
      two.unmap();
      two.unmap();
      assertThatThrownBy(() -> two.getByte(0)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThat(one.getLong(8184)).isEqualTo(-7);
      one.unmap();
    }
  }

  static void failure(ThrowingCallable call, String syscall, int errno) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            LinuxException.class,
            e -> {
              assertThat(e.syscall()).isEqualTo(syscall);
              assertThat(Errno.name(e.errno())).isEqualTo(Errno.name(errno));
            })
        .hasMessageStartingWith(syscall + ": " + Errno.name(errno) + " (");
  }

  @Test
  void pidfdIsOfTheProcessAndOfNoOther() throws Exception {
    Process child = new ProcessBuilder("sleep", "60").start();
    try (Descriptor pidfd = Descriptor.adopt(Processes.pidfdOpen(child.pid()))) {
      assertThat(Files.readString(Path.of("/proc/self/fdinfo/" + pidfd.fd())))
          .contains("Pid:\t" + child.pid());
      assertThat(Syscalls.fcntl(pidfd.fd(), Syscalls.F_GETFD, 0)).isEqualTo(Syscalls.FD_CLOEXEC);
    } finally {
      child.destroyForcibly().waitFor();
    }
    assertThatThrownBy(() -> Processes.pidfdOpen(child.pid()))
        .isInstanceOfSatisfying(
            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ESRCH));
  }

  @Test
  void niceValueOfAnotherProcessIsSet() throws Exception {
    Process child = new ProcessBuilder("sleep", "60").start();
    try {
      Syscalls.setNice((int) child.pid(), 7);
      String stat = Files.readString(Path.of("/proc/" + child.pid() + "/stat"));
      assertThat(stat.substring(stat.indexOf(')') + 2).split(" ", -1)[16]).isEqualTo("7");
      assertThat(Syscalls.lowestNice()).isBetween(-20, 19);
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  @Test
  void bootTimeIsThatOfTheMachine() throws Exception {
    String uptime = Files.readString(Path.of("/proc/uptime")).split(" ", -1)[0];
    long after = Syscalls.bootNanos();
    assertThat(after / 1e9 - Double.parseDouble(uptime)).isBetween(0.0, 5.0);
  }
}
