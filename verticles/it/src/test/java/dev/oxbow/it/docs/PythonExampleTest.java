package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.oxbow.bumblebee.BumblebeeVerticle;
import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.service.verticle.ServiceVerticle;
import dev.oxbow.splicer.SplicerVerticle;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The clients in the documentation, as they stand there, against real services. */
@DescriptorLeaks
class PythonExampleTest {
  private static final int TIMEOUT_SECONDS = 60;

  @TempDir Path directory;

  @Test
  void exampleRunsAndPrintsWhatTheDocumentSays() throws Exception {
    OxbowOptions options = new OxbowOptions(directory).setSplicer(new SplicerOptions());
    check("docs/protocol.md", new SplicerVerticle(options), "splicer.sock");
  }

  @Test
  @RequiresRoot
  void exampleOfBumblebeeRunsAndPrintsWhatTheDocumentSays() throws Exception {
    OxbowOptions options = new OxbowOptions(directory).setBumblebee(new BumblebeeOptions());
    check("docs/bumblebee.md", new BumblebeeVerticle(options), "bumblebee.sock");
  }

  private void check(String path, ServiceVerticle service, String socket) throws Exception {
    assumeTrue(hasPython(), "python3 is missing");
    Markdown document = Markdown.read(path);
    Markdown.Block example =
        document.blocks().stream()
            .filter(block -> block.info().equals("python tested"))
            .findFirst()
            .orElseThrow();
    Path script = Files.writeString(directory.resolve("client.py"), example.text());
    try (EpollVertx vertx = EpollVertx.open()) {
      EpollVertx.await(vertx.vertx().deployVerticle(service));

      // Warnings are errors: a descriptor that the example forgets is one, too.
      String output =
          run("python3", "-X", "dev", "-W", "error", script.toString(), directory + "/" + socket);

      assertThat(output).isEqualTo(document.after(example).text());
    }
  }

  private static boolean hasPython() throws InterruptedException {
    try {
      return new ProcessBuilder("python3", "--version").start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)).as(output).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output;
  }
}
