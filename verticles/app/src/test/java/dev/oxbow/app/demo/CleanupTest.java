package dev.oxbow.app.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class CleanupTest {
  private final List<String> undone = new ArrayList<>();

  @Test
  void undoesEverythingLastFirstAndOnce() {
    Cleanup cleanup = new Cleanup();
    cleanup.add(() -> undone.add("first"));
    cleanup.add(() -> undone.add("second"));
    cleanup.close();
    cleanup.close();
    assertThat(undone).containsExactly("second", "first");
  }

  @Test
  void goesOnWhenAStepFails() {
    Cleanup cleanup = new Cleanup();
    cleanup.add(() -> undone.add("first"));
    cleanup.add(
        () -> {
          throw new IOException("on purpose");
        });
    cleanup.close();
    assertThat(undone).containsExactly("first");
  }

  @Test
  void undoesAtOnceWhatComesTooLate() {
    Cleanup cleanup = new Cleanup();
    cleanup.close();
    cleanup.add(() -> undone.add("late"));
    assertThat(undone).containsExactly("late");
  }
}
