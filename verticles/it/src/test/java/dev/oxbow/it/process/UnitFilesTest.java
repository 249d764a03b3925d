package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.oxbow.config.OxbowConfig;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The units of systemd that are handed out can be used. */
@DescriptorLeaks
class UnitFilesTest {
  private static final Path CONFIG = Path.of("..", "..", "config");

  /** The first with {@code Type=notify-reload}. */
  private static final int NOTIFY_RELOAD = 253;

  @TempDir Path folder;

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() + " " + output.strip();
  }

  @Test
  void systemdFindsNothingWrongWithThem() throws Exception {
    assumeTrue(Files.exists(Path.of("/usr/bin/systemd-analyze")), "systemd-analyze is missing");
    Matcher version =
        Pattern.compile("systemd (\\d+)").matcher(run("systemd-analyze", "--version"));
    assertThat(version.find()).isTrue();
    String service = Files.readString(CONFIG.resolve("oxbow.service"));
    if (Integer.parseInt(version.group(1)) < NOTIFY_RELOAD) {
      // As the comment in the unit says.
      service = service.replace("Type=notify-reload", "Type=notify");
    }
    // Where java is differs from machine to machine; that the program exists is checked, too.
    service = service.replace("/usr/bin/java", OxbowProcess.java().get(0));
    Path unit = Files.writeString(folder.resolve("oxbow.service"), service);
    Path socket = Files.copy(CONFIG.resolve("oxbow.socket"), folder.resolve("oxbow.socket"));

    assertThat(run("systemd-analyze", "verify", unit.toString(), socket.toString()))
        .isEqualTo("0 ");
  }

  @Test
  void socketIsWhereClientsOfTheDefaultConfigurationLook() throws IOException {
    Path runtimeDir =
        OxbowConfig.parse(OxbowConfig.annotatedDefault(), "oxbow.yaml").getRuntimeDir();

    assertThat(Files.readString(CONFIG.resolve("oxbow.socket")))
        .contains("\nListenSequentialPacket=" + runtimeDir.resolve("splicer.sock") + "\n")
        .contains("\nFileDescriptorName=splicer\n");
  }
}
