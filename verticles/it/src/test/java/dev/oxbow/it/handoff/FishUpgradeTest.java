package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.RequiresRoot;
import io.vertx.core.json.JsonObject;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Sessions move to the next process under 10,000 packets a second, and outlive a kill. The same
 * session lives through case after case.
 */
@RequiresRoot
@TestInstance(Lifecycle.PER_CLASS)
@Timeout(120)
class FishUpgradeTest {

  /** More: {@code -Doxbow.upgrades=100}. */
  private static final int UPGRADES = Integer.getInteger("oxbow.upgrades", 3);

  /** The batches are those of the process and of the Fish. */
  private static final List<String> BEFORE_SWITCH =
      List.of("spawn:0", "hello:0", "warm:0", "freeze:0", "copy:1", "copy:2");

  /** All sessions are in the first group. */
  private static final List<String> FROM_SWITCH =
      List.of("switch:0", "switch:1", "switch:17", "switch:64", "commit:0", "commit:1");

  /** Each phase once; all of them: {@code -Doxbow.faults=.*}. */
  private static final String WANTED =
      System.getProperty(
          "oxbow.faults",
          "successor:(hello:0|warm:0|freeze:0|copy:2|switch:1|commit:0):die"
              + "|predecessor:(copy:1|switch:1|commit:0|commit:1):die"
              + "|(successor|predecessor):switch:17:hang");

  /** Two batches: what was in the hands of a process that was killed, either way. */
  private static final int IN_HANDS = 128;

  /**
   * What may be lost when a process hangs, for up to two seconds until the other is sure of it: the
   * devices' queues hold 10,000 packets, as many as come in a second.
   */
  private static final int BEYOND_THE_QUEUES = 10_000;

  @TempDir static Path folder;
  private @Nullable FishStage stage;

  private FishStage stage() {
    return Objects.requireNonNull(stage);
  }

  private RunningOxbow service() {
    return stage().service();
  }

  private NumberedPackets load() {
    return stage().load();
  }

  @BeforeAll
  void start() throws Exception {
    stage = new FishStage(folder);
    stage.start();
  }

  @AfterAll
  void end() throws Exception {
    try (FishStage own = stage()) {
      own.end();
    }
  }

  @Test
  void packetsGoOnThroughUpgradesAndNoneIsLost() throws Exception {
    load().awaitProgress();
    long lost = load().lost();
    long sent = load().sent();
    double longest = 0;
    for (int i = 0; i < UPGRADES; i++) {
      service().next("exec " + service().successor());
      JsonObject report = service().upgradeInOrder();
      JsonObject moved = report.getJsonObject("services").getJsonObject("fish");
      assertThat(moved.getInteger("sessions")).isEqualTo(1);
      longest = Math.max(longest, moved.getJsonObject("pauseMs").getDouble("max"));
      load().awaitProgress();
    }
    stage().assertLost(lost, 0);
    System.out.printf(
        "fish: %d upgrades, %d packets each way, 0 lost, longest pause %.1f ms%n",
        UPGRADES, load().sent() - sent, longest);
  }

  private static List<String> with(String side, List<String> steps, String... faults) {
    return Stream.of(faults)
        .flatMap(fault -> steps.stream().map(step -> side + step + ":" + fault))
        .filter(fault -> fault.matches(WANTED))
        .toList();
  }

  private static int inHands(String fault) {
    return fault.endsWith(":hang") ? BEYOND_THE_QUEUES : IN_HANDS;
  }

  static List<String> successorFaults() {
    List<String> all = new ArrayList<>(with("successor:", BEFORE_SWITCH, "die", "hang"));
    all.addAll(with("successor:", FROM_SWITCH, "die", "hang"));
    return all;
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("successorFaults")
  void predecessorGoesOnWhenItsSuccessorFails(String fault) throws Exception {
    load().awaitProgress();
    long lost = load().lost();
    long before = service().pid();
    service().next("exec " + service().successor(fault));
    JsonObject report = service().upgrade();
    assertThat(report.getString("outcome")).as(report.encode()).isEqualTo("rolled-back");
    service().awaitAlone(before);
    load().awaitProgress();
    stage().assertLost(lost, inHands(fault));
  }

  static List<String> deathsAfterTheCopy() {
    return with("predecessor:", FROM_SWITCH, "die", "hang");
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("deathsAfterTheCopy")
  void successorGoesOnWhenItsPredecessorFails(String fault) throws Exception {
    load().awaitProgress();
    long lost = load().lost();
    service().next("exec " + service().successor(fault));
    service().upgradeInOrder();
    service().next("exec " + service().successor());
    JsonObject report = service().upgrade();
    assertThat(report.getString("outcome")).as(report.encode()).isEqualTo("committed");
    service().awaitAlone(report.getJsonObject("to").getLong("pid"));
    load().awaitProgress();
    stage().assertLost(lost, inHands(fault));
  }

  static List<String> deathsBeforeTheSwitch() {
    return with("predecessor:", BEFORE_SWITCH, "die");
  }

  /** Then both are gone: what is lost is what was sent while there was no Fish. */
  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("deathsBeforeTheSwitch")
  void nextStartGoesOnWhenThePredecessorDiesBeforeAllIsCopied(String fault) throws Exception {
    load().awaitProgress();
    service().next("exec " + service().successor(fault));
    service().upgradeInOrder();
    load().pause();
    List<SocketAddress> sources = load().sources();
    RunningOxbow killed = service();
    RunningOxbow.signal(killed.pid(), "HUP");
    stage().goOnAfter(killed);
    load().goOn();
    load().awaitProgress();
    stage().assertLost(load().lost(), 0);
    assertThat(load().sources()).isEqualTo(sources);
  }
}
