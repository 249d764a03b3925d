package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.it.process.OxbowProcess;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Upgrades within the limits that the kernel has for a process and for a user. */
@Timeout(90)
class UpgradeLimitsTest {
  private static final int USER = 4243;

  @TempDir Path folder;

  @Test
  void ordinaryUserHandsOverHundredsOfRelays() throws Exception {
    Path own = Files.createDirectories(folder.resolve("a"));
    Path cache = Files.createDirectory(folder.resolve("cache"));
    Path jar = Files.copy(OxbowProcess.builtJar(), folder.resolve("oxbow.jar"));
    for (Path path : new Path[] {folder, own, cache}) {
      Files.setAttribute(path, "unix:uid", USER);
      Files.setAttribute(path, "unix:gid", USER);
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
    }
    String user = Integer.toString(USER);
    try (RunningOxbow service =
            RunningOxbow.in(folder)
                .jar(jar)
                .ownCommand()
                .environment("OXBOW_CACHE", cache.toString())
                .environment("HOME", folder.toString())
                .prefix("prlimit", "--nofile=3000:3000", "--")
                .prefix("setpriv", "--reuid=" + user, "--regid=" + user, "--clear-groups")
                .start();
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 27)) {
      for (int i = 0; i < 273; i++) {
        load.open(control, "", StreamPair.Kind.UNIX, StreamPair.Kind.TCP4);
      }
      load.start();
      assertRelays(service.upgradeInOrder(), 300);
      load.awaitProgress();
      assertRelays(service.upgradeInOrder(), 300);
      load.drain();
    }
  }

  @Test
  void fourThousandRelaysHandOverWithinTwentyThousandDescriptors() throws Exception {
    try (RunningOxbow service =
            RunningOxbow.in(folder).prefix("prlimit", "--nofile=20000:20000", "--").start();
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 20)) {
      for (int i = 20; i < 4000; i++) {
        load.open(control, "", StreamPair.Kind.UNIX, StreamPair.Kind.UNIX);
      }
      load.start();
      assertRelays(service.upgradeInOrder(), 4000);
      load.awaitProgress();
      assertRelays(service.upgradeInOrder(), 4000);
      load.drain();
      assertThat(control.stats().getInteger("relays")).isEqualTo(4000);
    }
  }

  private static void assertRelays(JsonObject report, int relays) {
    JsonObject splicer = report.getJsonObject("services").getJsonObject("splicer");
    assertThat(splicer.getInteger("relays")).isEqualTo(relays);
    assertThat(splicer.getInteger("descriptors")).isGreaterThan(2 * relays);
  }
}
