package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
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
@DescriptorLeaks
@RequiresRoot
@TestInstance(Lifecycle.PER_CLASS)
@Timeout(120)
class FishUpgradeTest {

  /** More: {@code -Doxbow.upgrades=100}. */
  private static final int UPGRADES = Integer.getInteger("oxbow.upgrades", 3);

  /** All of them: {@code -Doxbow.faults=.*}. */
  private static final String WANTED =
      System.getProperty("oxbow.faults", "switch:1:die|switch:17:hang|commit:1:die");

  /** Two batches: what was in the hands of a process that was killed, either way. */
  private static final int IN_HANDS = 128;

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

  private static Stream<String> wanted(String... faults) {
    return Stream.of(faults).filter(fault -> fault.matches(WANTED));
  }

  static Stream<String> successorFaults() {
    return wanted(
        "copy:1:die",
        "copy:2:die",
        "switch:1:die",
        "switch:1:hang",
        "switch:17:die",
        "switch:17:hang",
        "commit:0:die",
        "commit:0:hang");
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("successorFaults")
  void predecessorGoesOnWhenItsSuccessorFails(String fault) throws Exception {
    load().awaitProgress();
    long lost = load().lost();
    long before = service().pid();
    service().next("exec " + service().successor("successor:" + fault));
    JsonObject report = service().upgrade();
    assertThat(report.getString("outcome")).as(report.encode()).isEqualTo("rolled-back");
    service().awaitAlone(before);
    load().awaitProgress();
    stage().assertLost(lost, IN_HANDS);
  }

  static Stream<String> predecessorFaults() {
    return wanted(
        "switch:1:die",
        "switch:1:hang",
        "switch:17:die",
        "switch:17:hang",
        "commit:0:die",
        "commit:1:die",
        "commit:1:hang");
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("predecessorFaults")
  void successorGoesOnWhenItsPredecessorFails(String fault) throws Exception {
    load().awaitProgress();
    long lost = load().lost();
    service().next("exec " + service().successor("predecessor:" + fault));
    service().upgradeInOrder();
    service().next("exec " + service().successor());
    JsonObject report = service().upgrade();
    assertThat(report.getString("outcome")).as(report.encode()).isEqualTo("committed");
    service().awaitAlone(report.getJsonObject("to").getLong("pid"));
    load().awaitProgress();
    stage().assertLost(lost, IN_HANDS);
  }
}
