package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.it.process.OxbowProcess;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who asks for an upgrade, and who is in its way. */
@DescriptorLeaks
@Timeout(60)
class UpgradeSignalsTest {
  private static final String PATIENT = "  deadlineMs: 20000\n  groupDeadlineMs: 2000\n";
  private static final String FAULT = "fault on demand: DELAY";

  @TempDir Path folder;

  private RunningOxbow start(String fault) throws IOException {
    return RunningOxbow.in(folder).deadlines(PATIENT).environment("OXBOW_FAULT", fault).start();
  }

  /** Starts an upgrade and comes back in the midst of it, when one of the two waits a second. */
  private static void beginUpgrade(RunningOxbow service) throws Exception {
    service.forgetReport();
    RunningOxbow.signal(service.pid(), "HUP");
    service.await("one waits", () -> service.log().contains(FAULT));
  }

  @Test
  void stopBeforeTheCommitRollsBackAndStopsInOrder() throws Exception {
    try (RunningOxbow service = start("");
        ControlPeer control = service.control().hello("app", false);
        RampLoad load = new RampLoad()) {
      load.open(control, "", StreamPair.Kind.TCP4, StreamPair.Kind.UNIX);
      service.next("exec " + service.successor("successor:warm:0:delay"));
      beginUpgrade(service);
      RunningOxbow.signal(service.pid(), "TERM");
      try (var finished = control.event()) {
        assertThat(finished.json().getString("reason")).isEqualTo("aborted");
        assertThat(finished.descriptors()).hasSize(2);
      }
      assertThat(service.first().awaitEnd()).isZero();
      JsonObject report = service.awaitReport();
      assertThat(report.getString("outcome")).isEqualTo("rolled-back");
      assertThat(report.getString("reason")).endsWith(": this process was told to stop");
      service.await("all have ended", () -> service.processes().isEmpty());
    }
  }

  @Test
  void stopAfterTheCommitIsPassedOn() throws Exception {
    try (RunningOxbow service = start("predecessor:commit:1:delay");
        ControlPeer control = service.control().hello("app", false);
        RampLoad load = new RampLoad()) {
      load.open(control, "", StreamPair.Kind.TCP4, StreamPair.Kind.UNIX);
      beginUpgrade(service);
      RunningOxbow.signal(service.first().pid(), "TERM");
      try (var finished = control.event()) {
        assertThat(finished.json().getString("reason")).isEqualTo("aborted");
        assertThat(finished.descriptors()).hasSize(2);
      }
      JsonObject report = service.awaitReport();
      assertThat(report.getString("outcome")).isEqualTo("committed");
      service.await("all have ended", () -> service.processes().isEmpty());
      assertThat(service.log()).contains("stopped");
      assertThat(service.runtimeDir().resolve("oxbow.pid")).doesNotExist();
    }
  }

  @Test
  void moreHangUpsDuringAnUpgradeAreOneMoreUpgrade() throws Exception {
    try (RunningOxbow service = start("");
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 4).start()) {
      service.next("exec " + service.successor("successor:warm:0:delay"));
      beginUpgrade(service);
      service.next("exec " + service.successor());
      long first = service.pid();
      for (int i = 0; i < 3; i++) {
        RunningOxbow.signal(first, "HUP");
      }
      JsonObject one = service.awaitReport();
      service.await(
          "another one serves",
          () -> service.log().lines().filter(line -> line.contains(" serves in ")).count() == 3);
      JsonObject two = service.awaitReport();
      long second = one.getJsonObject("to").getLong("pid");
      service.awaitAlone(service.pid());
      assertThat(two.getJsonObject("from").getLong("pid")).isEqualTo(second);
      assertThat(two.getJsonObject("to").getLong("pid")).isEqualTo(service.pid());
      // The third knows of no more: this one is its first.
      JsonObject three = service.upgradeInOrder();
      assertThat(three.getJsonObject("from")).isEqualTo(two.getJsonObject("to"));
      load.drain();
    }
  }

  @Test
  void commandUpgradesAProcessThatIgnoresHangUpsAndPrintsTheReport() throws Exception {
    try (RunningOxbow service =
            RunningOxbow.in(folder)
                .deadlines(PATIENT)
                .prefix("sh", "-c", "trap '' HUP; exec \"$@\"", "sh")
                .start();
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 4).start()) {
      String directory = service.runtimeDir().toString();
      long before = service.pid();
      RunningOxbow.signal(before, "HUP");
      RunningOxbow.Printed table = service.command("upgrade", "--runtime-dir", directory);
      assertThat(table.status()).as(table.text()).isZero();
      long after = service.pid();
      service.awaitAlone(after);
      assertThat(table.text())
          .startsWith("committed\n  from pid " + before)
          .contains("  to pid " + after, "splicer");
      RunningOxbow.Printed json = service.command("upgrade", "--json", "--runtime-dir", directory);
      assertThat(json.status()).as(json.text()).isZero();
      JsonObject report = new JsonObject(json.text());
      assertThat(report).isEqualTo(service.awaitReport());
      assertThat(report.getJsonObject("from").getLong("pid")).isEqualTo(after);
      JsonObject splicer = report.getJsonObject("services").getJsonObject("splicer");
      assertThat(splicer.getInteger("relays")).isEqualTo(4);
      assertThat(splicer.getInteger("descriptors")).isGreaterThan(8);
      assertThat(splicer.getJsonObject("pauseMs").fieldNames()).contains("p50", "p99", "max");
      assertThat(report.getJsonObject("phasesMs").fieldNames())
          .contains("spawn", "hello", "warm", "freeze", "copy", "switch", "commit");
      service.next("exit 9");
      RunningOxbow.Printed failed = service.command("upgrade", "--runtime-dir", directory);
      assertThat(failed.status()).isEqualTo(1);
      assertThat(failed.text()).startsWith("rolled-back: spawn: the successor ended with status 9");
      load.drain();
    }
  }

  @Test
  void processThatAnOperatorStartsTakesOver() throws Exception {
    try (RunningOxbow service = start("");
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 4).start()) {
      List<String> command =
          new java.util.ArrayList<>(OxbowProcess.run(OxbowProcess.builtJar(), service.folder()));
      command.add("--take-over");
      service.forgetReport();
      Process other =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(service.folder().resolve("other.log").toFile())
              .start();
      service.awaitReport();
      service.awaitAlone(other.pid());
      assertThat(service.first().awaitEnd()).isZero();
      load.awaitProgress();
      service.upgradeInOrder();
      load.drain();
    }
  }

  @Test
  void takeOverFromNobodyFails() throws Exception {
    try (RunningOxbow service = start("")) {
      RunningOxbow.signal(service.pid(), "TERM");
      assertThat(service.first().awaitEnd()).isZero();
      RunningOxbow.Printed printed =
          service.command(
              "run", "--take-over", "--config", service.folder().resolve("oxbow.yaml").toString());
      assertThat(printed.status()).isEqualTo(1);
      assertThat(printed.text()).contains("nobody to take over from: ", "handoff.sock");
    }
  }
}
