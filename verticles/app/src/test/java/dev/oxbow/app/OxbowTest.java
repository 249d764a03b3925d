package dev.oxbow.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

@DescriptorLeaks
class OxbowTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;

  @Test
  void tellsItsVersion() {
    assertThat(execute("--version")).isEqualTo(ExitStatus.OK);
    assertThat(out.toString()).matches("oxbow \\d+\\.\\d+\\.\\d+.*\\s+");
  }

  @Test
  void helpNamesEveryCommandButThoseOfTheDemoItself() {
    assertThat(execute("--help")).isEqualTo(ExitStatus.OK);
    assertThat(out.toString())
        .contains("run ", "check ", "status ", "upgrade ", "forward ", "demo ")
        .doesNotContain("demo-client", "demo-origin");
  }

  @ParameterizedTest
  @ValueSource(strings = {"run", "check", "status", "upgrade", "forward", "demo"})
  void everyCommandHasHelpWithExamplesAndExitStatuses(String command) {
    assertThat(execute(command, "--help")).isEqualTo(ExitStatus.OK);
    assertThat(out.toString())
        .contains("Usage: oxbow " + command, "Examples:", "  oxbow " + command, "Exit status:");
  }

  @ParameterizedTest
  @ValueSource(strings = {"run", "check", "status", "upgrade", "forward", "demo"})
  void helpFitsIntoEightyColumns(String command) {
    execute(command, "--help");
    assertThat(out.toString().lines()).allMatch(line -> line.length() <= 80);
  }

  @Test
  void refusesToDoNothing() {
    assertThat(execute()).isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString()).contains("oxbow: Missing command.", "Try: oxbow --help");
  }

  @Test
  void suggestsTheCommandThatWasMeant() {
    assertThat(execute("forwad")).isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString()).contains("Did you mean: oxbow forward");
  }

  @Test
  void namesTheOptionThatIsMissing() {
    assertThat(execute("run")).isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString()).contains("--config=FILE", "Try: oxbow run --help");
  }

  @Test
  void refusesAnAddressThatIsNone() {
    assertThat(execute("forward", "--listen", "8080", "--to", "here")).isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString()).contains("--to", "'here' is not an address", "[IPv6]:port");
  }

  @Test
  void refusesMoreListenersThanTargets() {
    assertThat(execute("forward", "--listen", "1", "--listen", "2", "--to", "3"))
        .isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString()).contains("equally often");
  }

  @Test
  void refusesNamesThatMailboxesCannotHave() {
    assertThat(execute("forward", "--listen", "1", "--to", "2", "--app", "a b"))
        .isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString()).contains("--app");
  }

  @Test
  void refusesToShowLessThanNothing() {
    assertThat(execute("status", "--limit", "-1")).isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString()).contains("--limit is -1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"3000000", "0", "-1", "86401"})
  void refusesToWaitForAnUpgradeForNoTimeOrForWeeks(String seconds) {
    assertThat(execute("upgrade", "--timeout", seconds)).isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString())
        .startsWith("oxbow: --timeout is " + seconds + "; expected 1 to 86400.");
  }

  @Test
  void waitsForAnUpgradeForADayAtMost() {
    String nobody = folder.resolve("nobody").toString();
    assertThat(execute("upgrade", "--timeout", "86400", "--runtime-dir", nobody))
        .isEqualTo(ExitStatus.FAILED);
    assertThat(err.toString()).startsWith("oxbow: nobody there to be upgraded: " + nobody);
  }

  @Test
  void refusesDurationsWithoutUnits() {
    assertThat(execute("forward", "--listen", "1", "--to", "2", "--idle-timeout", "5"))
        .isEqualTo(ExitStatus.USAGE);
    assertThat(err.toString()).contains("--idle-timeout", "500ms, 30s, 5m or 2h");
  }

  @Test
  void tellsEveryProblemOfTheConfigurationAndNothingElse() throws IOException {
    Path config = folder.resolve("oxbow.yaml");
    Files.writeString(config, "runtimeDir: /run/oxbow\nsplicer: {}\nquotas:\n  relays: -1\nx: 1\n");
    assertThat(execute("run", "--config", config.toString())).isEqualTo(ExitStatus.USAGE);
    List<String> lines = err.toString().lines().toList();
    assertThat(lines).hasSize(2);
    assertThat(lines.get(0)).startsWith(config + ":4: quotas.relays: ");
    assertThat(lines.get(1)).startsWith(config + ":5: x: ");
  }

  @Test
  void refusesInOneSentenceToServeWhereItCannotWrite() throws IOException {
    Path config = folder.resolve("oxbow.yaml");
    Files.writeString(config, "runtimeDir: /proc/oxbow/run\nsplicer: {}\n");
    assertThat(execute("run", "--config", config.toString())).isEqualTo(ExitStatus.FAILED);
    assertThat(err.toString()).startsWith("oxbow: runtimeDir /proc/oxbow/run is not usable");
    assertThat(err.toString().lines()).hasSize(1);
  }

  private int execute(String... arguments) {
    CommandLine command = Oxbow.commandLine();
    command.setUsageHelpAutoWidth(false);
    command.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    return command.execute(arguments);
  }
}
