package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.it.process.OxbowProcess;
import dev.oxbow.it.process.Sandbox;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Upgrades within the limits that the kernel has for a process and for a user. */
@DescriptorLeaks
@RequiresRoot
@Timeout(90)
class UpgradeLimitsTest {
  private static final int LIMIT = 3000;

  /**
   * Sends descriptors that nobody receives, until so many are on the way, and stays. The kernel
   * counts them for a user, against the limit of whoever sends (unix(7), ETOOMANYREFS).
   */
  private static final String IN_FLIGHT =
      """
      import array, socket, sys
      ways = []
      left = int(sys.argv[1])
      while left > 0:
          ways.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
          some = array.array("i", [0] * min(left, 250))
          ways[-1][0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, some)])
          left -= len(some)
      print("sent", flush=True)
      sys.stdin.read()
      """;

  @TempDir Path folder;

  @Test
  void ordinaryUserInASandboxHandsOverHundredsOfRelays() throws Exception {
    Sandbox.give(folder);
    Sandbox.give(folder.resolve("a"));
    Path cache = Sandbox.give(folder.resolve("cache"));
    Path jar = Files.copy(OxbowProcess.builtJar(), folder.resolve("oxbow.jar"));
    List<String> sandbox = Sandbox.of("oxbow.service").inside(folder, LIMIT);
    try (RunningOxbow service =
            RunningOxbow.in(folder)
                .jar(jar)
                .ownCommand()
                .environment("OXBOW_CACHE", cache.toString())
                .environment("HOME", folder.toString())
                .prefix(sandbox.toArray(String[]::new))
                .start();
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 27)) {
      for (int i = 0; i < 273; i++) {
        load.open(control, "", StreamPair.Kind.UNIX, StreamPair.Kind.TCP4);
      }
      load.start();
      assertRelays(service.upgradeInOrder(), 300);
      load.awaitProgress();
      // One batch is above the limit then: the next must wait until the successor has received it.
      Process others = inFlight(LIMIT - 5);
      try {
        assertRelays(service.upgradeInOrder(), 300);
      } finally {
        others.destroyForcibly().onExit().join();
      }
      load.drain();
    }
  }

  private static Process inFlight(int descriptors) throws IOException {
    String user = Integer.toString(Sandbox.USER);
    List<String> command = new ArrayList<>(List.of("prlimit", "--nofile=" + LIMIT + ":" + LIMIT));
    command.addAll(List.of("setpriv", "--reuid=" + user, "--regid=" + user, "--clear-groups"));
    command.addAll(List.of("/usr/bin/python3", "-c", IN_FLIGHT, Integer.toString(descriptors)));
    Process others = new ProcessBuilder(command).redirectErrorStream(true).start();
    BufferedReader said = others.inputReader();
    assertThat(said.readLine()).isEqualTo("sent");
    return others;
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
