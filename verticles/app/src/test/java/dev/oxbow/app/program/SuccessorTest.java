package dev.oxbow.app.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class SuccessorTest {
  private static final long DEADLINE_MS = 10_000;
  private static final int NICE_FIELD = 18;

  @TempDir Path folder;

  @Test
  void configuredCommandIsTakenAsItIs() throws IOException {
    assertThat(Successor.command(List.of("/bin/a", "b c"))).containsExactly("/bin/a", "b c");
  }

  @Test
  void inheritsNoDescriptorAndReadsNothing() throws Exception {
    Path seen = folder.resolve("seen");
    String script = "ls /proc/self/fd > '" + seen + "'; cat >> '" + seen + "'; sleep 60";
    Successor successor = start("sh", "-c", script);
    try {
      Await.until("has read to the end", () -> !children(successor).isEmpty() && lines(seen) >= 4);
      // ls has one of its own, for the folder that it lists.
      assertThat(Files.readAllLines(seen)).containsExactly("0", "1", "2", "3");
    } finally {
      children(successor).forEach(ProcessHandle::destroyForcibly);
      kill(successor);
    }
  }

  private static Successor start(String... command) throws IOException, InterruptedException {
    return Successor.start(List.of(command), Map.of(), DEADLINE_MS);
  }

  private static void kill(Successor successor) throws InterruptedException {
    assertThat(successor.process().destroyForcibly().waitFor()).isNotZero();
  }

  private static List<ProcessHandle> children(Successor successor) {
    return successor.process().children().toList();
  }

  private static int lines(Path file) {
    try {
      return Files.exists(file) ? Files.readAllLines(file).size() : 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  @RequiresRoot
  void allItsThreadsAreLoweredAndRaised() throws Exception {
    String script =
        "import threading,time\n"
            + "for i in range(20): threading.Thread(target=time.sleep,args=(60,)).start()";
    Successor successor = start("python3", "-c", script);
    try {
      assertThat(successor.lowered()).isTrue();
      Await.until("threads run", () -> niceValues(successor).size() == 21);
      int own = niceValues(ProcessHandle.current().pid()).get(0);
      assertThat(niceValues(successor)).containsOnly(Math.min(19, own + 5));
      successor.raise();
      assertThat(niceValues(successor)).containsOnly(own).hasSize(21);
    } finally {
      kill(successor);
    }
  }

  /** Field 19 of stat, proc(5), counted behind the name, which is in brackets. */
  private static List<Integer> niceValues(Successor successor) {
    return niceValues(successor.process().pid());
  }

  private static List<Integer> niceValues(long pid) {
    List<Integer> values = new ArrayList<>();
    try (Stream<Path> threads = Files.list(Path.of("/proc/" + pid + "/task"))) {
      for (Path thread : threads.toList()) {
        String stat = Files.readString(thread.resolve("stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        values.add(Integer.valueOf(fields[NICE_FIELD - 2]));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return values;
  }

  @Test
  void programThatDoesNotExistIsNamed() {
    assertThatThrownBy(() -> start("/no/such/program"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("/no/such/program");
  }

  @Test
  void startThatHangsIsGivenUp() throws Exception {
    // Opening a FIFO waits until somebody writes to it.
    Path fifo = folder.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    ProcessBuilder hanging = new ProcessBuilder("true").redirectInput(fifo.toFile());
    assertThatThrownBy(() -> Successor.start(hanging, 200))
        .isInstanceOf(IOException.class)
        .hasMessage("true was not executed within 200 ms");
    // Lets the thread that waits for the FIFO go on.
    Files.newOutputStream(fifo).close();
  }
}
