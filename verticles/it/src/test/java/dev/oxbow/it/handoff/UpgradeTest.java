package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.ControlPeer;
import dev.oxbow.splicer.Strangers;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What callers see of upgrades in which nothing goes wrong: nothing. */
@DescriptorLeaks
class UpgradeTest {
  private static final int UPGRADES = Integer.getInteger("oxbow.upgrades", 20);
  private static final int STRANGER = 4242;

  @TempDir Path folder;

  @BeforeEach
  void letStrangersIn() throws Exception {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private RunningOxbow start() throws Exception {
    return RunningOxbow.in(folder)
        .sections(
            "splicer: {}\ncontrol:\n  allowedUids: [4242]\n  directoryMode: '0755'\n"
                + "  socketMode: '0666'\n")
        .deadlines("")
        .ownCommand()
        .start();
  }

  @Test
  void manyInARowLoseNothingAndLeakNothing() throws Exception {
    try (RunningOxbow service = start();
        ControlPeer control = service.control().hello("ramp", false);
        ControlPeer stranger = stranger(service).hello("ramp", false);
        Chatter chatter = new Chatter(service.control());
        RampLoad load = new RampLoad()) {
      load.busy(control, 12).halfClosed(control, 2).slow(control, 2).prelude(control, 2).start();
      try (RampLoad guarded = new RampLoad().busy(stranger, 4).start()) {
        Set<String> ids = new TreeSet<>(load.ids());
        assertThat(ids(control)).containsAll(ids);
        load.awaitProgress();
        Map<String, Integer> before = RunningOxbow.descriptors(service.pid());
        for (int i = 0; i < UPGRADES; i++) {
          long answered = chatter.answered();
          JsonObject report = service.upgradeInOrder();
          assertThat(report.getJsonObject("services").getJsonObject("splicer").getInteger("relays"))
              .isEqualTo(22);
          load.awaitProgress();
          guarded.awaitProgress();
          assertThat(chatter.answered()).isGreaterThan(answered);
          assertThat(ids(control)).containsAll(ids).hasSize(22);
        }
        service.awaitDescriptors(before);
        guarded.drain();
        load.drain();
      }
      assertThat(stranger.stats().getLong("relays")).isLessThanOrEqualTo(22);
    }
  }

  private ControlPeer stranger(RunningOxbow service) {
    List<String> identity = List.of("--reuid=" + STRANGER, "--regid=" + STRANGER, "--clear-groups");
    Path socket = service.runtimeDir().resolve("splicer.sock");
    return Strangers.connect(folder, socket, identity, 1).get(0);
  }

  private static Set<String> ids(ControlPeer control) {
    JsonArray relays = control.ask("{\"op\":\"list\",\"id\":1}").getJsonArray("relays");
    return relays.stream()
        .map(relay -> ((JsonObject) relay).getString("relay"))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
