package dev.oxbow.fdpassing.libc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.ChildJvm;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.List;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class ProcessesTest {

  /** Ends with a status; nothing is run behind that. */
  static final class Ending {
    private Ending() {}

    public static void main(String[] none) {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
      Processes.exit(7);
      System.out.println("still there");
    }
  }

  @Test
  void endsAtOnceWithTheStatus() throws Exception {
    Process child = ChildJvm.start(List.of(), Ending.class);
    assertThat(new String(child.getInputStream().readAllBytes(), UTF_8)).isEmpty();
    assertThat(child.waitFor()).isEqualTo(7);
  }
}
