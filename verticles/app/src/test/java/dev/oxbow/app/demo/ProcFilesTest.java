package dev.oxbow.app.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.oxbow.app.check.Tools;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@DescriptorLeaks
@Timeout(60)
class ProcFilesTest {

  /** Becomes itself again, as often as the argument says, from a thread that is not the first. */
  private static final String BECOMES_ITSELF =
      """
      import os, sys, threading
      left = int(sys.argv[1])
      def become():
          if left:
              os.execv(sys.executable, [sys.executable, "-S", "-c", SOURCE, str(left - 1)])
          os._exit(0)
      for _ in range(16):
          threading.Thread(target=threading.Event().wait, daemon=True).start()
      threading.Thread(target=become).start()
      threading.Event().wait(10)
      """;

  @Test
  void livesWhileItBecomesAnotherProgram() throws Exception {
    assumeTrue(Tools.find("python3").isPresent(), "python3 is missing");
    String source = "SOURCE = open('/proc/self/cmdline').read().split('\\0')[3]\n" + BECOMES_ITSELF;
    List<String> command = List.of("python3", "-S", "-c", source, "150");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(Path.of("/dev/null").toFile())
            .start();
    int looks = 0;
    while (ProcFiles.alive(process.pid())) {
      looks++;
    }
    assertThat(process.waitFor(1, TimeUnit.SECONDS)).as("has ended after %d looks", looks).isTrue();
    assertThat(process.exitValue()).isZero();
    assertThat(ProcFiles.alive(process.pid())).isFalse();
  }
}
