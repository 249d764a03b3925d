package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.oxbow.bumblebee.BumblebeeVerticle;
import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.FishVerticle;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.service.verticle.ServiceVerticle;
import dev.oxbow.splicer.SplicerVerticle;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  @Test
  @RequiresRoot
  void exampleOfFishRunsAndPrintsWhatTheDocumentSays() throws Exception {
    OxbowOptions options =
        new OxbowOptions(directory)
            .setFish(new FishOptions().setEgress(List.of(Grant.of(EgressStage.OUTER, "20007"))));
    try (Namespace machine = Namespace.open();
        Namespace internet = Namespace.open()) {
      EgressStage.wire(machine, internet);
      DatagramSocket server = internet.call(() -> new DatagramSocket(5353));
      Thread answers = new Thread(() -> answer(server));
      answers.start();
      try {
        check(
            "docs/fish.md",
            new FishVerticle(options, null, machine),
            "fish.sock",
            EgressStage.OUTER,
            "20007",
            EgressStage.SERVER);
      } finally {
        server.close();
        answers.join();
      }
    }
  }

  /** Tells each who sends something which address that came from, until the socket is closed. */
  private static void answer(DatagramSocket server) {
    try {
      while (true) {
        DatagramPacket asked = new DatagramPacket(new byte[64], 64);
        server.receive(asked);
        String from = asked.getAddress().getHostAddress() + ":" + asked.getPort();
        byte[] answer = from.getBytes(StandardCharsets.UTF_8);
        server.send(new DatagramPacket(answer, answer.length, asked.getSocketAddress()));
      }
    } catch (IOException e) {
      assertThat(server.isClosed()).as(e.toString()).isTrue();
    }
  }

  private void check(String path, ServiceVerticle service, String socket, String... arguments)
      throws Exception {
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
      List<String> command = new ArrayList<>(List.of("python3", "-X", "dev", "-W", "error"));
      command.addAll(List.of(script.toString(), directory + "/" + socket));
      command.addAll(List.of(arguments));
      String output = run(command);

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

  private static String run(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)).as(output).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output;
  }
}
