package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.it.process.OxbowProcess;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The next version takes over from a process whose jar was replaced under it. */
@DescriptorLeaks
@Timeout(60)
class ReplacedJarTest {
  private static final String VERSION = "dev/oxbow/service/runtime/version.properties";

  /** How the new jar gets to the place of the old one. */
  private enum How {
    RENAMED,
    COPIED
  }

  @TempDir Path folder;
  private Path jar;

  @BeforeEach
  void deploy() throws IOException {
    jar = Files.copy(OxbowProcess.builtJar(), folder.resolve("oxbow.jar"));
  }

  /** The built jar with another version written into it. */
  private Path nextVersion() throws IOException {
    Path made = folder.resolve("next.jar");
    try (ZipFile from = new ZipFile(OxbowProcess.builtJar().toFile());
        ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(made))) {
      to.setLevel(1);
      for (ZipEntry entry : from.stream().toList()) {
        to.putNextEntry(new ZipEntry(entry.getName()));
        if (entry.getName().equals(VERSION)) {
          to.write("version=99.9\n".getBytes(StandardCharsets.US_ASCII));
        } else {
          from.getInputStream(entry).transferTo(to);
        }
        to.closeEntry();
      }
    }
    return made;
  }

  @ParameterizedTest
  @EnumSource(How.class)
  void nextVersionTakesOver(How how) throws Exception {
    try (RunningOxbow service =
            RunningOxbow.in(folder).jar(jar).deadlines("").ownCommand().start();
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 6).start()) {
      Path next = nextVersion();
      if (how == How.RENAMED) {
        Files.move(next, jar, StandardCopyOption.ATOMIC_MOVE);
      } else {
        // As cp does it: into the file that the process has started from.
        try (var over = Files.newOutputStream(jar, StandardOpenOption.TRUNCATE_EXISTING)) {
          Files.copy(next, over);
        }
      }
      JsonObject report = service.upgradeInOrder();
      assertThat(report.getJsonObject("to").getString("version")).isEqualTo("99.9");
      assertThat(report.getJsonObject("from").getString("version")).isNotEqualTo("99.9");
      load.awaitProgress();
      assertThat(control.hello("app", false).stats().getInteger("relays")).isEqualTo(6);
      assertThat(control.ask("{\"op\":\"hello\",\"id\":1,\"app\":\"app\"}").getString("version"))
          .isEqualTo("99.9");
      service.upgradeInOrder();
      load.drain();
    }
  }
}
