package dev.oxbow.fdpassing.libc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.ChildJvm;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class ProcessImageTest {

  @TempDir Path folder;

  /** Becomes a shell, which holds one of two locks, and tells what it is. */
  static final class Becoming {
    private Becoming() {}

    public static void main(String[] files) {
      int kept = ProcessImage.openShared(files[0]);
      int ended = ProcessImage.openShared(files[1]);
      ProcessImage.closeOnExec(ended);
      ProcessImage.closeOnExec(1_000_000);
      String script =
          "test -e /proc/self/fd/%d && test ! -e /proc/self/fd/%d".formatted(kept, ended)
              + " && ! flock -n -x \"$0\" true && flock -n -x \"$1\" true"
              + " && echo \"$$ $2 $OXBOW_TEST\"";
      System.out.println(ProcessHandle.current().pid());
      byte[] odd = {'o', (byte) 0xff, 'd'};
      ProcessImage.exec(
          "/bin/sh",
          List.of(bytes("sh"), bytes("-c"), bytes(script), bytes(files[0]), bytes(files[1]), odd));
    }

    private static byte[] bytes(String word) {
      return word.getBytes(UTF_8);
    }
  }

  @Test
  void becomesAnotherProgramWithTheSamePidEnvironmentAndLock() throws Exception {
    List<String> prefix = List.of("env", "OXBOW_TEST=kept");
    String[] lines =
        ChildJvm.run(
                prefix,
                Becoming.class,
                folder.resolve("kept").toString(),
                folder.resolve("ended").toString())
            .split("\n", -1);
    assertThat(lines[1]).startsWith(lines[0] + " o").endsWith("d kept");
  }

  @Test
  void failureLeavesTheProcessAsItIs() {
    assertThatThrownBy(() -> ProcessImage.exec("/no/such", List.of("x".getBytes(UTF_8))))
        .isInstanceOf(LinuxException.class)
        .hasMessageStartingWith("execv: ENOENT");
  }

  @Test
  void sharedLocksExcludeAnExclusiveOne() throws Exception {
    Path file = folder.resolve("lock");
    int first = ProcessImage.openShared(file.toString());
    int second = ProcessImage.openShared(file.toString());
    assertThat(Files.getAttribute(file, "unix:mode")).isEqualTo(0100600);
    try (Descriptor other = Descriptor.adopt(Syscalls.open(file.toString(), Syscalls.O_RDWR, 0))) {
      assertThat(Syscalls.tryLock(other.fd())).isFalse();
      ProcessImage.close(first);
      assertThat(Syscalls.tryLock(other.fd())).isFalse();
      ProcessImage.close(second);
      assertThat(Syscalls.tryLock(other.fd())).isTrue();
    }
  }

  @Test
  void fileThatCannotBeOpenedIsAnException() {
    assertThatThrownBy(() -> ProcessImage.openShared(folder + "/no/lock"))
        .isInstanceOf(LinuxException.class)
        .hasMessageStartingWith("open: ENOENT");
  }
}
