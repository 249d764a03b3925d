package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code oxbow who}: what it says of a log, and how it ends. */
@DescriptorLeaks
class WhoTest {
  private static final String BLOCK =
      "\"protocol\":\"udp\",\"address\":\"203.0.113.7\",\"ports\":\"20000-20031\","
          + "\"client\":\"10.7.0.2\",\"session\":\"s1\"}\n";

  @TempDir Path folder;
  private Path log;

  @BeforeEach
  void write() throws IOException {
    log = Files.createDirectory(folder.resolve("log"));
    Files.writeString(
        log.resolve("blocks-20261128T070000.000Z.jsonl"),
        line("07:00:00", "start", "\"version\":1}\n")
            + line("07:00:00", "listed", "\"n\":0}\n")
            + line("07:00:01", "session", "\"session\":\"s1\",\"uid\":33,\"app\":\"edge\",")
            + "\"metadata\":{\"tenant\":7}}\n"
            + line("07:00:02", "taken", BLOCK)
            + line("07:10:00", "released", BLOCK));
  }

  private static String line(String time, String event, String rest) {
    return "{\"time\":\"2026-11-28T" + time + "Z\",\"event\":\"" + event + "\"," + rest;
  }

  /** How it ended, and what it printed on either stream. */
  private record Said(int status, String out, String err) {}

  private Said who(String... options) throws Exception {
    List<String> words = new ArrayList<>(OxbowProcess.java());
    words.addAll(List.of("-jar", OxbowProcess.builtJar().toString(), "who"));
    words.addAll(List.of(options));
    Path err = folder.resolve("err");
    ProcessBuilder builder = new ProcessBuilder(words).redirectError(err.toFile());
    builder.environment().put("OXBOW_CACHE", OxbowProcess.cache(folder).toString());
    Process process = builder.start();
    String out =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    return new Said(process.waitFor(), out, Files.readString(err).strip());
  }

  private Said asked(String port, String at, String... more) throws Exception {
    List<String> options = new ArrayList<>(List.of("--log", log.toString()));
    options.addAll(List.of("--address", "203.0.113.7", "--port", port));
    options.addAll(List.of("--at", "2026-11-28T" + at + "Z"));
    options.addAll(List.of(more));
    return who(options.toArray(String[]::new));
  }

  @Test
  void namesWhoHadThePortThenAndWhoseThatIs() throws Exception {
    Said said = asked("20007", "07:05:00", "--protocol", "udp");
    assertThat(said.status()).as(said.err()).isZero();
    assertThat(said.out().lines())
        .hasSize(2)
        .last()
        .asString()
        .contains("10.7.0.2", "20000-20031", "2026-11-28T07:00:02Z", "2026-11-28T07:10:00Z")
        .contains("edge", "33", "{\"tenant\":7}");
  }

  @Test
  void programsGetOneObject() throws Exception {
    Said said = asked("20007", "07:05:00", "--json");
    assertThat(said.status()).as(said.err()).isZero();
    JsonObject answer = new JsonObject(said.out());
    JsonObject holder = answer.getJsonArray("holders").getJsonObject(0);
    assertThat(answer.getJsonArray("holders")).hasSize(1);
    assertThat(holder.getString("client")).isEqualTo("10.7.0.2");
    assertThat(holder.getString("until")).isEqualTo("2026-11-28T07:10:00Z");
    assertThat(holder.getJsonObject("owner").getInteger("uid")).isEqualTo(33);
    assertThat(answer.getInteger("lost")).isZero();
    assertThat(answer.getInteger("damaged")).isZero();
  }

  @ParameterizedTest
  @CsvSource({"20007, 07:10:01, udp", "20032, 07:05:00, udp", "20007, 07:05:00, tcp"})
  void nobodyIsAnAnswerWithAStatusOfItsOwn(String port, String at, String protocol)
      throws Exception {
    Said said = asked(port, at, "--protocol", protocol);
    assertThat(said.status()).isEqualTo(1);
    assertThat(said.out()).isEqualTo("Nobody had it.");
    Said json = asked(port, at, "--protocol", protocol, "--json");
    assertThat(json.status()).isEqualTo(1);
    assertThat(new JsonObject(json.out()).getJsonArray("holders")).isEmpty();
  }

  @Test
  void saysThatTheLogBeginsLaterAndWhatIsMissingInIt() throws Exception {
    Files.writeString(
        log.resolve("blocks-20261128T080000.000Z.jsonl"),
        line("08:00:00", "lost", "\"count\":5}\n") + "{\"time\":\"2026-");
    Said said = asked("20007", "06:00:00");
    assertThat(said.status()).isEqualTo(1);
    assertThat(said.out().lines())
        .containsExactly(
            "Nobody had it.",
            "The log begins later, at 2026-11-28T07:00:00Z.",
            "5 changes could not be written: the log has gaps.",
            "1 lines cannot be read.");
  }

  @Test
  void directoryIsThatOfTheConfiguration() throws Exception {
    Path config = folder.resolve("oxbow.yaml");
    String fish = "runtimeDir: /run/oxbow\nfish:\n  egress: [{address: 203.0.113.7, ports: '9'}]\n";
    Files.writeString(config, fish + "  logDirectory: " + log + "\n");
    String[] question = {
      "--config",
      config.toString(),
      "--address",
      "203.0.113.7",
      "--port",
      "20007",
      "--at",
      "2026-11-28T07:05:00Z"
    };
    assertThat(who(question).status()).isZero();
    Files.writeString(config, fish);
    Said said = who(question);
    assertThat(said.status()).isEqualTo(1);
    assertThat(said.err()).contains("has no fish.logDirectory: nothing was logged.");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --address here --port 20007 | --address: not an address
          --address 203.0.113.7 --port 65536 | --port is 65536; expected 0 to 65535.
          --address 203.0.113.7 --port x | '--port'
          --address 203.0.113.7 --port 1 --protocol sctp | --protocol is sctp; expected tcp, udp or
          --address 203.0.113.7 --port 1 --at noon | --at is noon; expected such as 2026-11-28T07
          --port 1 | '--address=ADDRESS'
          """)
  void argumentsThatAreNotRightAreNamed(String options, String named) throws Exception {
    List<String> words = new ArrayList<>(List.of("--log", log.toString()));
    words.addAll(List.of(options.split(" ", -1)));
    Said said = who(words.toArray(String[]::new));
    assertThat(said.status()).as(said.err()).isEqualTo(2);
    assertThat(said.err()).contains(named);
    assertThat(said.out()).isEmpty();
  }

  @Test
  void logThatCannotBeReadIsNoAnswer() throws Exception {
    log = folder.resolve("elsewhere");
    Said said = asked("20007", "07:05:00");
    assertThat(said.status()).isEqualTo(1);
    assertThat(said.out()).isEmpty();
    assertThat(said.err()).contains("The log in " + log + " cannot be read");
  }
}
