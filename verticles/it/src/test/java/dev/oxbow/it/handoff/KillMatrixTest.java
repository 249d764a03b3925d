package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
 * successor holds all: that ends the relays, as it would without an upgrade. The same relays and
 * tunnels live through case after case; the upgrade that shows that all is well after one starts
 * the process with which the next begins.
 */
@RequiresRoot
@TestInstance(Lifecycle.PER_CLASS)
@Timeout(60)
class KillMatrixTest {

  /** The batches are those of the process, of the Splicer and of the Bumblebee. */
  private static final List<String> BEFORE_SWITCH =
      List.of("spawn:0", "hello:0", "warm:0", "freeze:0", "copy:1", "copy:2", "copy:3");

  /** Where the group of a tunnel changes hands; its number is not known before. */
  private static final String TUNNEL = "switch:tunnel";

  private static final List<String> FROM_SWITCH =
      List.of("switch:0", "switch:1", "switch:17", TUNNEL, "switch:128", "commit:0", "commit:1");

  /** Groups of the Splicer, which is handed over first. */
  private static final int SPLICER_GROUPS = 64;

  /**
   * Which cases are to run: {@code -Doxbow.faults='.*:commit:1:.*'}, all of them with '.*'. By
   * default of the messages those of one side each, and else all.
   */
  private static final String WANTED =
      System.getProperty(
          "oxbow.faults",
          ".*:(die|hang)|predecessor:.*:(cut|drop|damage:[13])|successor:.*:(truncate|delay)");

  /** After how many successors that failed, one after the other, the next one takes over. */
  private static final int FAILURES_IN_A_ROW = 4;

  private static final String IMPATIENT = "  deadlineMs: 1500\n  groupDeadlineMs: 250\n";
  private static final String PREDECESSOR = "predecessor:";
  private static final String SUCCESSOR = "successor:";
  private static final int BUSY = 12;
  private static final int RELAYS = 18;

  @TempDir static Path parent;
  private int folders;
  private @Nullable RunningOxbow service;
  private @Nullable ControlPeer control;
  private @Nullable RampLoad load;
  private @Nullable TunnelLoad tunnels;
  private @Nullable Chatter chatter;
  private Map<String, Integer> descriptors = Map.of();

  /** With which fault the process was started that serves; empty for none. */
  private String armed = "";

  private RunningOxbow service() {
    return Objects.requireNonNull(service);
  }

  private RampLoad load() {
    return Objects.requireNonNull(load);
  }

  private TunnelLoad tunnels() {
    return Objects.requireNonNull(tunnels);
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
        RunningOxbow.in(parent.resolve("f" + folders++))
            .sections("splicer: {}\n" + TunnelLoad.SECTION)
            .environment("OXBOW_FAULT", fault)
            .start();
    service = started;
    ControlPeer peer = started.control().hello("ramp", false);
    control = peer;
    RampLoad streams = new RampLoad().light();
    load = streams.busy(peer, BUSY).halfClosed(peer, 2).slow(peer, 2).prelude(peer, 2);
    tunnels = TunnelLoad.open(started, streams);
    chatter = new Chatter(started.control());
    streams.start().awaitProgress();
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
        if (tunnels != null) {
          tunnels.close();
        }
        if (control != null) {
          control.close();
        }
        if (service != null) {
          service.close();
        }
        armed = "";
        chatter = null;
        load = null;
        tunnels = null;
        control = null;
        service = null;
      }
    }
  }

  /**
   * Goes on with the service of the case before, unless that failed.
   *
   * @param fault of the process that serves; empty for none
   * @return the pid of that process
   */
  private long goOn(String fault) throws Exception {
    if (service == null) {
      start("");
    }
    if (!armed.equals(fault)) {
      upgradeInOrder(fault);
    }
    service().next("exec " + service().successor());
    return service().pid();
  }

  /** A case is over: the next upgrade succeeds, to the process with which the next case begins. */
  private void upgradeInOrder(List<String> cases, String fault) throws Exception {
    int next = cases.indexOf(fault) + 1;
    boolean isArmed = next < cases.size() && cases.get(next).startsWith(PREDECESSOR);
    upgradeInOrder(isArmed ? cases.get(next) : "");
    awaitAllWell();
  }

  /** As above, after some cases that the process which serves has survived. */
  private void upgradeAfterFailures(List<String> cases, String fault) throws Exception {
    int done = cases.indexOf(fault) + 1;
    if (done % FAILURES_IN_A_ROW == 0 || done == cases.size()) {
      upgradeInOrder(cases, fault);
    }
  }

  private void upgradeInOrder(String fault) throws Exception {
    service().next("exec " + (fault.isEmpty() ? service().successor() : successor(fault)));
    service().upgradeInOrder();
    armed = fault;
  }

  /** The shell words that start a successor with a fault. */
  private String successor(String fault) {
    int step = SPLICER_GROUPS + tunnels().group() + 1;
    return service().successor(fault.replace(TUNNEL, "switch:" + step));
  }

  private void awaitAllWell() throws IOException {
    chatter().awaitAnswers();
    load().awaitProgress();
    tunnels().awaitAllWell();
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

  private static List<String> with(String side, List<String> steps, String... faults) {
    List<String> all = new ArrayList<>();
    for (String fault : faults) {
      steps.stream()
          .map(step -> side + step + ":" + fault)
          .filter(text -> text.matches(WANTED))
          .forEach(all::add);
    }
    return all;
  }

  static List<String> successorFaults() {
    List<String> all = with(SUCCESSOR, BEFORE_SWITCH, "die", "hang");
    all.addAll(with(SUCCESSOR, FROM_SWITCH, "die", "hang"));
    return all;
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("successorFaults")
  void predecessorGoesOnWhenItsSuccessorFails(String fault) throws Exception {
    run(
        () -> {
          long before = goOn("");
          service().next("exec " + successor(fault));
          JsonObject report = service().upgrade();
          assertThat(report.getString("outcome")).isEqualTo("rolled-back");
          assertThat(report.getString("reason")).contains(": ");
          service().awaitAlone(before);
          awaitAllWell();
          upgradeAfterFailures(successorFaults(), fault);
        });
  }

  static List<String> deathsAfterTheCopy() {
    return with(PREDECESSOR, FROM_SWITCH, "die", "hang");
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("deathsAfterTheCopy")
  void successorGoesOnWhenItsPredecessorFailsAfterTheCopy(String fault) throws Exception {
    run(
        () -> {
          long before = goOn(fault);
          JsonObject report = service().upgrade();
          assertThat(report.getString("outcome")).isEqualTo("committed");
          assertThat(report.getString("reason")).startsWith("the predecessor was lost in stage ");
          assertThat(report.getJsonObject("from").getLong("pid")).isEqualTo(before);
          service().awaitAlone(report.getJsonObject("to").getLong("pid"));
          awaitAllWell();
          upgradeInOrder(deathsAfterTheCopy(), fault);
        });
  }

  @Test
  void predecessorThatHasLeftAndDoesNotEndIsKilled() throws Exception {
    run(
        () -> {
          long before = goOn(PREDECESSOR + "commit:2:hang");
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
          upgradeInOrder("");
        });
  }

  static List<String> deathsBeforeTheSwitch() {
    return with(PREDECESSOR, BEFORE_SWITCH, "die");
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("deathsBeforeTheSwitch")
  void nobodyGoesOnWhenThePredecessorDiesBeforeAllIsCopied(String fault) throws Exception {
    run(
        () -> {
          start(fault);
          long before = service().pid();
          RunningOxbow.signal(before, "HUP");
          service().await("all have ended", () -> service().processes().isEmpty());
          load().awaitEnd();
          chatter().awaitEnd();
          assertThat(service().pid()).isEqualTo(before);
          stop();
        });
  }

  static List<String> pausesBeforeTheSwitch() {
    return with(PREDECESSOR, BEFORE_SWITCH, "hang");
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("pausesBeforeTheSwitch")
  void predecessorThatWasStoppedBeforeAllIsCopiedGoesOn(String fault) throws Exception {
    run(
        () -> {
          long before = goOn(fault);
          service().forgetReport();
          service().deadlines(RunningOxbow.DEADLINES, IMPATIENT);
          RunningOxbow.signal(before, "HUP");
          service().await("it is stopped", () -> RunningOxbow.isStopped(before));
          // The successor gives up by itself.
          service().awaitAlone(before);
          service().deadlines(IMPATIENT, RunningOxbow.DEADLINES);
          RunningOxbow.signal(before, "CONT");
          JsonObject report = service().awaitReport();
          boolean unspoiled = fault.contains("spawn");
          assertThat(report.getString("outcome"))
              .isEqualTo(unspoiled ? "committed" : "rolled-back");
          service().awaitAlone(report.getJsonObject(unspoiled ? "to" : "from").getLong("pid"));
          awaitAllWell();
          upgradeInOrder(pausesBeforeTheSwitch(), fault);
        });
  }

  static List<String> messages() {
    List<String> all = new ArrayList<>();
    all.addAll(with(PREDECESSOR, List.of("hello:0"), "cut"));
    all.addAll(with(PREDECESSOR, List.of("freeze:0"), "truncate"));
    all.addAll(messages(PREDECESSOR, "commit:0"));
    all.addAll(with(SUCCESSOR, List.of("hello:0"), "truncate"));
    all.addAll(with(SUCCESSOR, List.of("freeze:0"), "cut"));
    all.addAll(messages(SUCCESSOR, "commit:1"));
    return all;
  }

  private static List<String> messages(String side, String commit) {
    List<String> all = with(side, List.of("copy:2"), "cut", "truncate");
    all.addAll(with(side, List.of("copy:3"), "drop", "damage:1"));
    all.addAll(with(side, List.of("switch:17"), "truncate", "damage:1", "damage:2"));
    all.addAll(with(side, List.of(TUNNEL), "cut", "drop", "delay", "damage:3"));
    all.addAll(with(side, List.of(commit), "cut", "drop", "truncate", "damage:1"));
    return all;
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("messages")
  void oneGoesOnWhateverHappensToAMessage(String fault) throws Exception {
    run(
        () -> {
          if (fault.startsWith(PREDECESSOR)) {
            goOn(fault);
          } else {
            goOn("");
            service().next("exec " + successor(fault));
          }
          JsonObject report = service().upgrade();
          boolean committed = report.getString("outcome").equals("committed");
          // What is damaged may still make sense; everything else is noticed, and told.
          if (!fault.contains("damage")) {
            assertThat(report.getString("reason")).isNotBlank();
            assertThat(committed && fault.matches(".*:(hello|freeze|copy):.*"))
                .as(report.encode())
                .isFalse();
          }
          service().awaitAlone(report.getJsonObject(committed ? "to" : "from").getLong("pid"));
          awaitAllWell();
          upgradeInOrder(messages(), fault);
        });
  }
}
