package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Both processes have lost patience with one another: the predecessor hung just before the commit,
 * the successor just before it ends the predecessor, and then the predecessor goes on. One is left.
 */
@DescriptorLeaks
@Timeout(60)
class ClaimTest {
  @TempDir Path folder;

  private RunningOxbow start(String deadlines) throws Exception {
    RunningOxbow service =
        RunningOxbow.in(folder)
            .deadlines(deadlines)
            .environment("OXBOW_FAULT", "predecessor:commit:0:hang")
            .start();
    service.next("exec " + service.successor("successor:commit:3:hang"));
    return service;
  }

  /** Brings both to that point; the pid of the successor, which is stopped. */
  private static long begin(RunningOxbow service) throws Exception {
    long before = service.pid();
    service.forgetReport();
    RunningOxbow.signal(before, "HUP");
    service.await("the successor claims", () -> service.log().contains(" at commit 3"));
    assertThat(RunningOxbow.isStopped(before)).isTrue();
    long after =
        service.processes().stream().filter(pid -> pid != before).findFirst().orElseThrow();
    service.await("and hangs", () -> RunningOxbow.isStopped(after));
    RunningOxbow.signal(before, "CONT");
    service.await(
        "the predecessor may not end it",
        () -> service.log().contains("process " + after + " is about to end this process"));
    return after;
  }

  @Test
  void whoCameSecondLeavesItToTheFirst() throws Exception {
    try (RunningOxbow service = start(RunningOxbow.DEADLINES);
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 4).start()) {
      long after = begin(service);
      RunningOxbow.signal(after, "CONT");
      JsonObject report = service.awaitReport();
      assertThat(report.getString("outcome")).as(service.log()).isEqualTo("committed");
      assertThat(report.getJsonObject("to").getLong("pid")).isEqualTo(after);
      service.awaitAlone(after);
      load.drain();
    }
  }

  /** The successor hangs for good with the claim. */
  @Test
  void claimOfOneThatHangsEndsWithTheDeadline() throws Exception {
    try (RunningOxbow service = start("  deadlineMs: 4000\n  groupDeadlineMs: 250\n");
        ControlPeer control = service.control();
        RampLoad load = new RampLoad().busy(control, 4).start()) {
      long before = service.pid();
      begin(service);
      JsonObject report = service.awaitReport();
      assertThat(report.getString("outcome")).as(service.log()).isEqualTo("rolled-back");
      assertThat(service.log()).contains("has not done so within 4000 ms: it hangs");
      service.awaitAlone(before);
      load.drain();
    }
  }
}
