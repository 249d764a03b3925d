package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sessions move to the next process under 10,000 packets a second, and outlive a kill. */
@DescriptorLeaks
@RequiresRoot
@Timeout(60)
class FishUpgradeTest {

  /** More: {@code -Doxbow.upgrades=100}. */
  private static final int UPGRADES = Integer.getInteger("oxbow.upgrades", 3);

  private static final int FLOWS = 20;
  private static final int PER_SECOND = 10_000;

  /** Two batches: what was in the hands of a process that was killed, either way. */
  private static final int IN_HANDS = 128;

  private static final String SECTIONS =
      "fish: {egress: [{address: 203.0.113.7, ports: 20000-20999}], maxFlows: 4096}\n";

  @TempDir Path folder;
  private final Namespace middle = Namespace.open();
  private final Namespace server = Namespace.open();
  private final Namespace client = Namespace.open();
  private @Nullable Tun tun;
  private @Nullable RunningOxbow service;
  private @Nullable ControlPeer control;
  private @Nullable NumberedPackets load;
  private Map<String, Integer> descriptors = Map.of();

  private RunningOxbow service() {
    return Objects.requireNonNull(service);
  }

  private ControlPeer control() {
    return Objects.requireNonNull(control);
  }

  private NumberedPackets load() {
    return Objects.requireNonNull(load);
  }

  @BeforeEach
  void wire() {
    EgressStage.wire(middle, server);
    tun = EgressStage.clientTun(client, 1500);
    // A pause is the service's, and not to be seen as a loss in the client's own queue.
    EgressStage.in(client, "ip link set tun0 txqueuelen 10000");
  }

  private void start(String fault) throws Exception {
    serve(fault);
    open(0);
    load = new NumberedPackets(client, server, EgressStage.SERVER, FLOWS, PER_SECOND).start();
    load().awaitProgress();
    descriptors = RunningOxbow.descriptors(service().pid());
  }

  private void serve(String fault) throws Exception {
    int namespace = middle.descriptor().fd();
    String file = "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace;
    service =
        RunningOxbow.in(folder)
            .sections(SECTIONS)
            .prefix("nsenter", "--net=" + file)
            .environment("OXBOW_FAULT", fault)
            .start();
    control = ControlPeer.connect(service().runtimeDir().resolve("fish.sock")).hello("app", false);
  }

  /** Opens the session; it must take up so many connections. */
  private void open(int resumed) {
    JsonObject answer =
        control()
            .ask(
                "{\"op\":\"egress\",\"id\":1,\"fds\":[\"flow\"],\"address\":\"203.0.113.7\","
                    + "\"ports\":\"20000-20999\",\"resume\":\"client\"}",
                Objects.requireNonNull(tun).descriptor());
    assertThat(answer.getInteger("resumed")).as(answer.encode()).isEqualTo(resumed);
  }

  @AfterEach
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
      Objects.requireNonNull(tun).close();
      client.close();
      server.close();
      middle.close();
    }
  }

  private void awaitAllWell() {
    load().awaitProgress();
    assertThat(control().stats().getInteger("sessions")).isEqualTo(1);
  }

  /** All packets came from ports of the slice, and from no other address. */
  private void assertSources() throws Exception {
    for (SocketAddress source : load().sources()) {
      InetSocketAddress from = (InetSocketAddress) source;
      assertThat(from.getAddress()).isEqualTo(InetAddress.getByName(EgressStage.OUTER));
      assertThat(from.getPort()).isBetween(20_000, 20_999);
    }
  }

  @Test
  void packetsGoOnThroughUpgradesAndNoneIsLost() throws Exception {
    start("");
    for (int i = 0; i < UPGRADES; i++) {
      JsonObject report = service().upgradeInOrder();
      JsonObject moved = report.getJsonObject("services").getJsonObject("fish");
      assertThat(moved.getInteger("sessions")).isEqualTo(1);
      awaitAllWell();
    }
    load().pause();
    System.out.println(
        "fish: " + UPGRADES + " upgrades, " + load().sent() + " packets, lost " + load().lost());
    assertThat(load().lost()).isZero();
    assertSources();
    service().awaitDescriptors(descriptors);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          copy:1:die
          switch:1:die
          switch:17:die
          switch:17:hang
          commit:0:die
          """)
  void predecessorGoesOnWhenItsSuccessorFails(String fault) throws Exception {
    start("");
    long before = service().pid();
    service().next("exec " + service().successor("successor:" + fault));
    JsonObject report = service().upgrade();
    assertThat(report.getString("outcome")).as(report.encode()).isEqualTo("rolled-back");
    service().awaitAlone(before);
    awaitAllWell();
    service().next("exec " + service().successor());
    service().upgradeInOrder();
    awaitAllWell();
    load().pause();
    assertThat(load().lost()).isLessThanOrEqualTo(IN_HANDS);
    assertSources();
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          switch:1:die
          switch:17:die
          switch:17:hang
          commit:1:die
          """)
  void successorGoesOnWhenItsPredecessorFails(String fault) throws Exception {
    start("predecessor:" + fault);
    JsonObject report = service().upgrade();
    assertThat(report.getString("outcome")).as(report.encode()).isEqualTo("committed");
    service().awaitAlone(report.getJsonObject("to").getLong("pid"));
    awaitAllWell();
    load().pause();
    assertThat(load().lost()).isLessThanOrEqualTo(IN_HANDS);
    assertSources();
  }

  @Test
  void killedServiceLeaksNothingAndTheNextOneGoesOn() throws Exception {
    start("");
    load().pause();
    List<SocketAddress> sources = load().sources();
    RunningOxbow killed = service();
    RunningOxbow.signal(killed.pid(), "KILL");
    killed.await("it is dead", () -> killed.processes().isEmpty());
    control().close();
    Files.delete(killed.runtimeDir().resolve("oxbow.pid"));
    assertThat(EgressStage.in(middle, "nft list ruleset")).contains("oxbow_fish0");
    assertThat(EgressStage.in(middle, "ip route")).contains("blackhole 100.64.0.0/10");
    assertThat(EgressStage.in(middle, "conntrack -L -m 3861")).contains(FLOWS + " flow entries");
    serve("");
    assertThat(control().stats().getInteger("lostSessions")).isEqualTo(1);
    open(FLOWS);
    load().goOn();
    awaitAllWell();
    load().pause();
    assertThat(load().lost()).isZero();
    assertThat(load().sources()).isEqualTo(sources);
    RunningOxbow.signal(service().pid(), "TERM");
    service().await("it has ended", () -> service().processes().isEmpty());
    assertThat(EgressStage.in(middle, "nft list ruleset")).isEmpty();
    assertThat(EgressStage.in(middle, "ip route")).doesNotContain("100.64");
    assertThat(EgressStage.in(middle, "conntrack -L -m 3861")).contains("0 flow entries");
    assertThat(service().runtimeDir().toFile().list()).noneMatch(name -> name.startsWith("fish0"));
  }
}
