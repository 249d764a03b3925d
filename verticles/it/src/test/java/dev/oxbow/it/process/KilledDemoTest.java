package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code oxbow demo} leaves nothing behind, even if it has no time to clean up. */
@DescriptorLeaks
@RequiresRoot
class KilledDemoTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"", "--pair"})
  void namespacesProcessesAndFilesOfAKilledDemoGo(String option) throws Exception {
    List<String> command = new ArrayList<>(OxbowProcess.java());
    command.add("-Djava.io.tmpdir=" + folder);
    command.addAll(List.of("-jar", OxbowProcess.builtJar().toString(), "demo"));
    if (!option.isEmpty()) {
      command.add(option);
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("OXBOW_CACHE", OxbowProcess.cache(folder).toString());
    Process demo = builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    String name = "oxbow-demo-" + demo.pid() + "-";
    try (BufferedReader progress = demo.errorReader(StandardCharsets.UTF_8)) {
      String line = progress.readLine();
      while (line != null && !line.matches(".*starting the (service|origin).*")) {
        line = progress.readLine();
      }
      assertThat(line).as("the demo got going").isNotNull();
      // Three namespaces, a folder, the reaper, and the first of the others.
      Await.until("it has processes", () -> left(name).size() > 5);
    } finally {
      demo.destroyForcibly().onExit().join();
    }
    Await.until("nothing is left", () -> left(name).isEmpty());
  }

  /** Namespaces and folders of a demo, and processes that have its folder in their arguments. */
  private List<String> left(String name) {
    List<String> left = new ArrayList<>();
    try {
      for (Path place : List.of(Path.of("/run/netns"), folder)) {
        try (Stream<Path> files = Files.list(place)) {
          files.map(Path::toString).filter(file -> file.contains(name)).forEach(left::add);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    ProcessHandle.allProcesses()
        .map(process -> process.info().commandLine().orElse(""))
        .filter(line -> line.contains(folder.resolve(name).toString()))
        .forEach(left::add);
    return left;
  }
}
