package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.Strangers;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What callers see of upgrades in which nothing goes wrong: nothing. */
@DescriptorLeaks
@Timeout(300)
class UpgradeTest {
  private static final int UPGRADES = Integer.getInteger("oxbow.upgrades", 12);
  private static final int STRANGER = 4242;

  private static final StreamPair.Kind TCP = StreamPair.Kind.TCP4;
  private static final StreamPair.Kind UNIX = StreamPair.Kind.UNIX;

  @TempDir Path folder;

  @BeforeEach
  void letStrangersIn() throws Exception {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private RunningOxbow start() throws Exception {
    return RunningOxbow.in(folder)
        .sections(
            """
            splicer: {}
            control:
              allowedUids: [4242]
              directoryMode: '0755'
              socketMode: '0666'
            quotas:
              relays: 18
            """)
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
        assertQuotaAndLockHold(service, control);
        guarded.drain();
        load.drain();
        guarded.awaitCounts(control);
        load.awaitCounts(control);
        service.awaitPipes(control);
      }
      // Events of what has ended go to the others.
      try (ControlPeer observer = service.control()) {
        assertThat(observer.stats().getLong("relays")).isLessThanOrEqualTo(22);
      }
    }
  }

  /** What was handed over counts: no relay more for a uid, and no other instance. */
  private static void assertQuotaAndLockHold(RunningOxbow service, ControlPeer control)
      throws Exception {
    StreamPair pair = UNIX.open();
    try (Descriptor near = pair.near();
        Descriptor far = pair.far()) {
      String splice = "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]}";
      assertThat(control.refused(splice, near, far)).startsWith("quota-exceeded: ");
    }
    String config = service.folder().resolve("oxbow.yaml").toString();
    RunningOxbow.Printed second = service.command("run", "--config", config);
    assertThat(second.status()).isEqualTo(1);
    assertThat(second.text()).contains("Another instance is alive", ": pid " + service.pid() + ".");
  }

  @Test
  void limitsKeepTheTimeThatIsLeft() throws Exception {
    try (RunningOxbow service = start();
        ControlPeer control = service.control().hello("ramp", false);
        RampLoad load = new RampLoad()) {
      Map<String, String> reasons = new HashMap<>();
      String none = load.open(control, "", TCP, TCP).relay();
      reasons.put(load.open(control, ",\"idleTimeoutMs\":4000", TCP, UNIX).relay(), "idle");
      reasons.put(load.open(control, ",\"maxDurationMs\":4000", UNIX, TCP).relay(), "max-duration");
      var half = load.open(control, ",\"halfCloseTimeoutMs\":4000", TCP, TCP);
      Sockets.shutdown(half.a().fd(), Sockets.SHUT_WR);
      reasons.put(half.relay(), "half-close-timeout");
      // If they began anew with each process, none would ever end.
      while (relays(service) > 1) {
        service.upgradeInOrder();
      }
      while (!reasons.isEmpty()) {
        try (ControlPeer.Incoming finished = control.event()) {
          String relay = finished.json().getString("relay");
          assertThat(finished.json().getString("reason")).isEqualTo(reasons.remove(relay));
          assertThat(finished.json().getLong("durationMs")).isBetween(4000L, 12_000L);
          assertThat(finished.descriptors()).hasSize(2);
        }
      }
      assertThat(ids(control)).containsExactly(none);
    }
  }

  @Test
  void mailboxesKeepWhatWaitsAndWhatWasNotAcknowledged() throws Exception {
    try (RunningOxbow service = start();
        RampLoad load = new RampLoad()) {
      RampLoad.Ends unread;
      RampLoad.Ends waiting;
      try (ControlPeer control = service.control().hello("ramp", true)) {
        unread = load.open(control, ",\"metadata\":{\"n\":1}", TCP, UNIX);
        waiting = load.open(control, ",\"metadata\":{\"n\":2}", TCP, TCP);
        end(unread);
        try (ControlPeer.Incoming event = control.event()) {
          assertThat(event.json().getLong("seq")).isEqualTo(1);
        }
      }
      end(waiting);
      try (ControlPeer other = service.control()) {
        service.await("the relay ends", () -> other.stats().getInteger("relays") == 0);
        service.upgradeInOrder();
        service.upgradeInOrder();
        assertThat(other.stats().getInteger("mailboxEvents")).isEqualTo(2);
        assertThat(other.stats().getInteger("descriptors")).isEqualTo(4);
      }
      try (ControlPeer control = service.control().hello("ramp", true)) {
        for (int n = 1; n <= 2; n++) {
          try (ControlPeer.Incoming event = control.event()) {
            assertThat(event.json().getLong("seq")).isEqualTo(n);
            assertThat(event.json().getString("reason")).isEqualTo("eof");
            assertThat(event.json().getJsonObject("metadata").getInteger("n")).isEqualTo(n);
            for (Descriptor socket : event.descriptors()) {
              assertThat(Sockets.option(socket.fd(), Sockets.SOL_SOCKET, Sockets.SO_TYPE))
                  .isEqualTo(Sockets.SOCK_STREAM);
            }
          }
        }
        assertThat(control.ask("{\"op\":\"ack\",\"id\":1,\"seq\":2}").getBoolean("ok")).isTrue();
        assertThat(control.stats().getInteger("mailboxEvents")).isZero();
        service.await("all is closed", () -> control.stats().getInteger("descriptors") == 0);
        // What began before can be aborted as ever.
        String relay = load.open(control, "", TCP, UNIX).relay();
        service.upgradeInOrder();
        control.send("{\"op\":\"abort\",\"id\":2,\"relay\":\"" + relay + "\"}");
        assertThat(control.answer().getBoolean("ok")).isTrue();
        try (ControlPeer.Incoming event = control.event()) {
          assertThat(event.json().getString("reason")).isEqualTo("aborted");
          assertThat(event.json().getLong("seq")).isEqualTo(3);
        }
      }
    }
  }

  private static int relays(RunningOxbow service) {
    try (ControlPeer control = service.control()) {
      return control.stats().getInteger("relays");
    }
  }

  private static void end(RampLoad.Ends relay) {
    Sockets.shutdown(relay.a().fd(), Sockets.SHUT_WR);
    Sockets.shutdown(relay.b().fd(), Sockets.SHUT_WR);
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
