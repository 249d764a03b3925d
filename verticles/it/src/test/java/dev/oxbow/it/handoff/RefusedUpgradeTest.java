package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.upgrade.Plan;
import dev.oxbow.handoff.upgrade.Upgrades;
import dev.oxbow.it.process.OxbowProcess;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Who cannot take over is refused by name, before anything is paused. */
@DescriptorLeaks
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(OrderAnnotation.class)
@Timeout(60)
class RefusedUpgradeTest {

  /** Speaks to the predecessor like a successor, but says what it is told to. */
  private static final String SPOKESMAN =
      """
      import os, socket, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
      s.connect(os.environ["OXBOW_TAKE_OVER"])
      if sys.argv[1]: s.send(sys.argv[1].replace("PID", str(os.getpid())).encode())
      s.recv(4096)
      """;

  @TempDir static Path folder;
  private @Nullable RunningOxbow service;
  private @Nullable ControlPeer control;
  private @Nullable RampLoad load;

  @BeforeAll
  void start() throws Exception {
    RunningOxbow running = RunningOxbow.in(folder).deadlines("  deadlineMs: 4000\n").start();
    service = running;
    ControlPeer peer = running.control().hello("ramp", false);
    control = peer;
    load = new RampLoad().busy(peer, 6).start();
  }

  private RunningOxbow service() {
    return Objects.requireNonNull(service);
  }

  @AfterAll
  void stop() {
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
    }
  }

  private static String hello(int protocol, int oldest, int version, int oldestLayout) {
    return String.format(
        "{\"take-over\":true,\"protocol\":%d,\"oldestProtocol\":%d,\"version\":\"9.8.7\","
            + "\"pid\":PID,\"descriptorsFree\":100000,\"services\":{\"splicer\":"
            + "{\"version\":%d,\"oldest\":%d}}}",
        protocol, oldest, version, oldestLayout);
  }

  private static Arguments spoken(String hello, String reason) {
    return Arguments.of("exec python3 spokesman.py '" + hello + "'", reason);
  }

  static Stream<Arguments> refusals() {
    return Stream.of(
        spoken(
            hello(9, 9, 2, 1),
            "hello: version 9.8.7 speaks hand-over protocol 9 to 9, version \\S+ speaks 1 to 1"),
        spoken(
            hello(1, 1, 9, 9),
            "hello: the state of splicer is in layout 2 of version \\S+, and version 9.8.7 reads 9"
                + " to 9"),
        spoken(
            hello(1, 1, 1, 1),
            "hello: the state of splicer is in layout 2 of version \\S+, and version 9.8.7 reads 1"
                + " to 1"),
        spoken(
            "{\"take-over\":true,\"protocol\":1,\"oldestProtocol\":1,\"version\":\"9.8.7\","
                + "\"pid\":PID,\"descriptorsFree\":100000,\"services\":{\"fish\":"
                + "{\"version\":1,\"oldest\":1}}}",
            "hello: the configuration of the successor switches on \\[fish],"
                + " and \\[splicer] serve"),
        spoken("{\"take-over\":true}", "hello: .*services: missing.*"),
        Arguments.of(
            "exec prlimit --nofile=200:200 SUCCESSOR",
            "hello: the successor can take \\d+ descriptors and needs \\d+; raise its"
                + " RLIMIT_NOFILE"),
        Arguments.of(
            "echo 'splicer: [' > bad.yaml; exec " + java("bad.yaml"),
            "spawn: the successor ended with status 2"),
        Arguments.of("exit 7", "spawn: the successor ended with status 7"),
        Arguments.of("kill -9 $$", "spawn: the successor was ended by signal 9"),
        Arguments.of("exit 0", "spawn: the successor ended with status 0"),
        Arguments.of("sleep 60 & wait", "spawn: the successor has not connected within 4000 ms"),
        Arguments.of(
            "exec python3 spokesman.py ''",
            "spawn: the successor has connected and not said a word within 4000 ms"));
  }

  private static String java(String config) {
    return String.join(" ", OxbowProcess.java())
        + " -jar "
        + OxbowProcess.builtJar()
        + " run --config "
        + config;
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void successorIsRefusedByNameBeforeAnythingIsPaused(String script, String reason)
      throws Exception {
    long pid = service().pid();
    Files.writeString(service().folder().resolve("spokesman.py"), SPOKESMAN);
    service()
        .next(
            "cd " + service().folder() + "\n" + script.replace("SUCCESSOR", service().successor()));
    JsonObject report = service().upgrade();
    assertThat(report.getString("reason")).matches("(?s)" + reason);
    assertThat(report.getString("outcome")).isEqualTo("rolled-back");
    assertThat(report.getJsonObject("phasesMs").getMap()).doesNotContainKeys("freeze", "copy");
    service().awaitAlone(pid);
    Objects.requireNonNull(load).awaitProgress();
  }

  /** There may be another child, which fills the cache of the program. */
  private boolean hangs(ProcessHandle child) {
    return child.info().command().orElse("").endsWith("sleep");
  }

  /** Without a shell: the command itself is one that hangs, and nobody else's child. */
  @Test
  void commandThatNeverConnectsIsKilled() throws Exception {
    Path own = folder.resolve("hangs");
    String yaml = "splicer: {}\nhandoff:\n  command: [sleep, \"60\"]\n  deadlineMs: 1000\n";
    try (OxbowProcess process =
            OxbowProcess.start(own, "a", yaml, OxbowProcess.builtJar(), List.of(), Map.of())
                .awaitServing();
        RampLoad relayed = new RampLoad()) {
      try (ControlPeer peer =
          ControlPeer.connect(process.runtimeDir().resolve("splicer.sock")).hello("ramp", false)) {
        relayed.busy(peer, 2).start();
        Path socket = process.runtimeDir().resolve(Plan.SOCKET);
        JsonObject report = new JsonObject(Buffer.buffer(Upgrades.ask(socket, 20_000)));
        assertThat(report.getString("outcome")).isEqualTo("rolled-back");
        assertThat(report.getString("reason"))
            .isEqualTo("spawn: the successor has not connected within 1000 ms");
        assertThat(report.getValue("to")).isNull();
        Await.until("it is dead", () -> process.process().children().noneMatch(this::hangs));
        relayed.drain();
      }
    }
  }

  @Test
  void commandThatCannotBeExecutedIsNamed() throws Exception {
    long pid = service().pid();
    Files.delete(service().folder().resolve("next"));
    JsonObject report = service().upgrade();
    assertThat(report.getString("reason"))
        .startsWith("spawn: cannot start the successor: ")
        .contains(service().folder() + "/next");
    service().awaitAlone(pid);
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void refusalsDoNotKeepTheNextOneFromTakingOver() throws Exception {
    RunningOxbow running = service();
    running.next("exec " + running.successor());
    running.upgradeInOrder();
    Objects.requireNonNull(load).drain();
    Objects.requireNonNull(load).awaitCounts(Objects.requireNonNull(control));
    running.awaitPipes(Objects.requireNonNull(control));
  }
}
