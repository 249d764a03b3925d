package dev.oxbow.app.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class SignalsTest {

  @Test
  void runsTheTaskEachTimeTheSignalComes() throws Exception {
    Semaphore came = new Semaphore(0);
    Signals.on("WINCH", came::release);
    for (int i = 0; i < 2; i++) {
      kill("-WINCH");
      assertThat(came.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void refusesSignalsThatDoNotExist() {
    assertThatThrownBy(() -> Signals.on("NOSUCH", () -> {}))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("SIGNOSUCH");
  }

  private static void kill(String signal) throws Exception {
    String self = Long.toString(ProcessHandle.current().pid());
    assertThat(new ProcessBuilder("kill", signal, self).start().waitFor()).isZero();
  }
}
