package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever dies or hangs in an upgrade, and whatever happens to a message: one process goes on,
 * streams lose nothing, and the next upgrade succeeds. Not so when the predecessor dies before the
 * successor holds all: that ends the relays, as it would without an upgrade. The same relays live
 * through case after case.
 */
@TestInstance(Lifecycle.PER_CLASS)
@Timeout(60)
class KillMatrixTest {
  private static final List<String> BEFORE_SWITCH =
      List.of("spawn:0", "hello:0", "warm:0", "freeze:0", "copy:1", "copy:2");
  private static final List<String> FROM_SWITCH =
      List.of("switch:0", "switch:1", "switch:17", "switch:64", "commit:0", "commit:1");

  /** Which cases are to run: {@code -Doxbow.faults='commit:1:.*'}. */
  private static final String WANTED = System.getProperty("oxbow.faults", ".*");

  private static final String IMPATIENT = "  deadlineMs: 1500\n  groupDeadlineMs: 250\n";
  private static final int BUSY = 12;
  private static final int RELAYS = 18;

  @TempDir static Path parent;
  private int folders;
  private @Nullable RunningOxbow service;
  private @Nullable ControlPeer control;
  private @Nullable RampLoad load;
  private @Nullable Chatter chatter;
  private Map<String, Integer> descriptors = Map.of();

  private RunningOxbow service() {
    return Objects.requireNonNull(service);
  }

  private RampLoad load() {
    return Objects.requireNonNull(load);
  }

  private ControlPeer control() {
    return Objects.requireNonNull(control);
  }

  private Chatter chatter() {
    return Objects.requireNonNull(chatter);
  }

  /** Starts afresh. */
  private void start(String fault) throws Exception {
    end();
    RunningOxbow started =
        RunningOxbow.in(parent.resolve("f" + folders++)).environment("OXBOW_FAULT", fault).start();
    service = started;
    ControlPeer peer = started.control().hello("ramp", false);
    control = peer;
    load =
        new RampLoad().busy(peer, BUSY).halfClosed(peer, 2).slow(peer, 2).prelude(peer, 2).start();
    chatter = new Chatter(started.control());
    load.awaitProgress();
    descriptors = RunningOxbow.descriptors(started.pid());
  }

  /** After all cases of one service: nothing was lost on the way, or counted wrongly, or left. */
  @AfterAll
  void end() throws Exception {
    if (service == null) {
      return;
    }
    try {
      load().drain();
      load().awaitCounts(control());
      service().awaitPipes(control());
    } finally {
      stop();
    }
  }

  private void stop() {
    try {
      if (chatter != null) {
        chatter.close();
      }
    } finally {
      try {
        if (load != null) {
          load.close();
        }
      } finally {
        if (control != null) {
          control.close();
        }
        if (service != null) {
          service.close();
        }
        chatter = null;
        load = null;
        control = null;
        service = null;
      }
    }
  }

  /** Goes on with the service of the case before, unless that failed. */
  private void goOn() throws Exception {
    if (service == null) {
      start("");
    }
  }

  private void upgradeInOrder() throws Exception {
    service().next("exec " + service().successor());
    service().upgradeInOrder();
    awaitAllWell();
  }

  private void awaitAllWell() throws IOException {
    chatter().awaitAnswers();
    load().awaitProgress();
    assertThat(control().stats().getInteger("relays")).isEqualTo(RELAYS);
    service().awaitDescriptors(descriptors);
  }

  /** Runs a case; a service in which one has failed is not used for the next. */
  private void run(Executable what) {
    try {
      what.execute();
    } catch (Throwable e) {
      RunningOxbow failed = service;
      String log = failed == null ? "" : failed.log();
      AssertionError all = new AssertionError(e.getMessage() + "\n" + log, e);
      try {
        stop();
      } catch (AssertionError more) {
        all.addSuppressed(more);
      }
      throw all;
    }
  }

  private static List<String> with(List<String> steps, String... faults) {
    List<String> all = new ArrayList<>();
    for (String fault : faults) {
      steps.stream()
          .map(step -> step + ":" + fault)
          .filter(text -> text.matches(WANTED))
          .forEach(all::add);
    }
    return all;
  }

  static Stream<String> successorFaults() {
    return Stream.concat(
        with(BEFORE_SWITCH, "die", "hang").stream(), with(FROM_SWITCH, "die", "hang").stream());
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("successorFaults")
  void predecessorGoesOnWhenItsSuccessorFails(String fault) throws Exception {
    run(
        () -> {
          goOn();
          long before = service().pid();
          service().next("exec " + service().successor("successor:" + fault));
          JsonObject report = service().upgrade();
          assertThat(report.getString("outcome")).isEqualTo("rolled-back");
          assertThat(report.getString("reason")).contains(": ");
          service().awaitAlone(before);
          awaitAllWell();
          upgradeInOrder();
        });
  }

  static Stream<String> deathsAfterTheCopy() {
    return with(FROM_SWITCH, "die", "hang").stream();
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("deathsAfterTheCopy")
  void successorGoesOnWhenItsPredecessorFailsAfterTheCopy(String fault) throws Exception {
    run(
        () -> {
          long before = arm("predecessor:" + fault);
          JsonObject report = service().upgrade();
          assertThat(report.getString("outcome")).isEqualTo("committed");
          assertThat(report.getString("reason")).startsWith("the predecessor was lost in stage ");
          assertThat(report.getJsonObject("from").getLong("pid")).isEqualTo(before);
          service().awaitAlone(report.getJsonObject("to").getLong("pid"));
          awaitAllWell();
          upgradeInOrder();
        });
  }

  @Test
  void predecessorThatHasLeftAndDoesNotEndIsKilled() throws Exception {
    run(
        () -> {
          long before = arm("predecessor:commit:2:hang");
          service().forgetReport();
          RunningOxbow.signal(before, "HUP");
          service().awaitGone(before);
          JsonObject report = service().awaitReport();
          assertThat(report.getString("outcome")).isEqualTo("committed");
          assertThat(report.getString("reason")).isNull();
          service().awaitAlone(report.getJsonObject("to").getLong("pid"));
          assertThat(service().log())
              .contains("process " + before + " has handed over and does not end: it is killed");
          awaitAllWell();
          upgradeInOrder();
        });
  }

  /** Makes the process that serves one with a fault; its pid. */
  private long arm(String fault) throws Exception {
    goOn();
    service().next("exec " + service().successor(fault));
    service().upgradeInOrder();
    service().next("exec " + service().successor());
    return service().pid();
  }

  static Stream<String> deathsBeforeTheSwitch() {
    return with(BEFORE_SWITCH, "die").stream();
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("deathsBeforeTheSwitch")
  void nobodyGoesOnWhenThePredecessorDiesBeforeAllIsCopied(String fault) throws Exception {
    run(
        () -> {
          start("predecessor:" + fault);
          long before = service().pid();
          RunningOxbow.signal(before, "HUP");
          service().await("all have ended", () -> service().processes().isEmpty());
          load().awaitEnd();
          chatter().awaitEnd();
          assertThat(service().pid()).isEqualTo(before);
          stop();
        });
  }

  static Stream<String> pausesBeforeTheSwitch() {
    return with(BEFORE_SWITCH, "hang").stream();
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("pausesBeforeTheSwitch")
  void predecessorThatWasStoppedBeforeAllIsCopiedGoesOn(String fault) throws Exception {
    run(
        () -> {
          long before = arm("predecessor:" + fault);
          service().forgetReport();
          service().deadlines(RunningOxbow.DEADLINES, IMPATIENT);
          RunningOxbow.signal(before, "HUP");
          service().await("it is stopped", () -> RunningOxbow.isStopped(before));
          // The successor gives up by itself.
          service().awaitAlone(before);
          service().deadlines(IMPATIENT, RunningOxbow.DEADLINES);
          RunningOxbow.signal(before, "CONT");
          JsonObject report = service().awaitReport();
          boolean unspoiled = fault.startsWith("spawn");
          assertThat(report.getString("outcome"))
              .isEqualTo(unspoiled ? "committed" : "rolled-back");
          service().awaitAlone(report.getJsonObject(unspoiled ? "to" : "from").getLong("pid"));
          awaitAllWell();
          upgradeInOrder();
        });
  }

  static Stream<String> messages() {
    List<String> steps = List.of("copy:2", "switch:17", "commit:0", "commit:1");
    List<String> all = new ArrayList<>();
    for (String side : List.of("predecessor:", "successor:")) {
      with(steps, "cut", "drop", "truncate", "damage:1").stream()
          .filter(fault -> !fault.startsWith(side.startsWith("p") ? "commit:1" : "commit:0"))
          .forEach(fault -> all.add(side + fault));
      with(List.of("switch:17"), "delay").forEach(fault -> all.add(side + fault));
      with(List.of("copy:2", "switch:17"), "damage:2", "damage:3")
          .forEach(fault -> all.add(side + fault));
    }
    with(List.of("hello:0"), "cut").forEach(fault -> all.add("predecessor:" + fault));
    with(List.of("hello:0"), "truncate").forEach(fault -> all.add("successor:" + fault));
    with(List.of("freeze:0"), "truncate").forEach(fault -> all.add("predecessor:" + fault));
    with(List.of("freeze:0"), "cut").forEach(fault -> all.add("successor:" + fault));
    return all.stream();
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("messages")
  void oneGoesOnWhateverHappensToAMessage(String fault) throws Exception {
    run(
        () -> {
          goOn();
          if (fault.startsWith("predecessor")) {
            arm(fault);
          } else {
            service().next("exec " + service().successor(fault));
          }
          JsonObject report = service().upgrade();
          boolean committed = report.getString("outcome").equals("committed");
          // What is damaged may still make sense, and what is late may be in time; the rest is told.
          if (!fault.matches(".*(damage|delay).*")) {
            assertThat(report.getString("reason")).isNotBlank();
            assertThat(committed && fault.matches(".*:(hello|freeze|copy):.*"))
                .as(report.encode())
                .isFalse();
          }
          service().awaitAlone(report.getJsonObject(committed ? "to" : "from").getLong("pid"));
          awaitAllWell();
          upgradeInOrder();
        });
  }
}
