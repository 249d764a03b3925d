package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.bumblebee.tunnel.ClientNetwork;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.ControlPeer.Incoming;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tunnels and their connections move to the next process, under traffic. */
@DescriptorLeaks
@RequiresRoot
class BumblebeeUpgradeTest {
  private static final int CLIENTS = 2;
  private static final int CONNECTIONS = 4;
  private static final int UPGRADES = 3;
  private static final String SECTIONS = "bumblebee: {loops: 2, maxTunnels: 64}\n";
  private static final byte[] HELLO = "hello".getBytes(StandardCharsets.US_ASCII);

  @TempDir Path folder;
  private final List<ClientNetwork> clients = new ArrayList<>();
  private final RampLoad load = new RampLoad();
  private @Nullable RunningOxbow service;
  private @Nullable ControlPeer control;
  private Map<String, Integer> descriptors = Map.of();

  private RunningOxbow service() {
    return Objects.requireNonNull(service);
  }

  private ControlPeer control() {
    return Objects.requireNonNull(control);
  }

  /** Clients with equal addresses, and streams both ways through their connections. */
  private void start(String fault) throws Exception {
    RunningOxbow started =
        RunningOxbow.in(folder).sections(SECTIONS).environment("OXBOW_FAULT", fault).start();
    service = started;
    control =
        ControlPeer.connect(started.runtimeDir().resolve("bumblebee.sock")).hello("app", false);
    for (int i = 0; i < CLIENTS; i++) {
      ClientNetwork client = new ClientNetwork(1500, true);
      clients.add(client);
      JsonObject answer =
          control()
              .ask("{\"op\":\"upgrade\",\"id\":1,\"fds\":[\"flow\"]}", client.tun().descriptor());
      assertThat(answer.getString("tunnel")).as(answer.encode()).isNotNull();
      for (int j = 0; j < CONNECTIONS; j++) {
        TestPeer inside = client.connect(j % 2 == 0 ? "10.9.8.7" : "2001:db8::9", 80 + j);
        load.between(inside.socket(), accepted());
      }
    }
    load.start().awaitProgress();
    descriptors = RunningOxbow.descriptors(started.pid());
  }

  private Descriptor accepted() {
    Incoming event = control().event();
    assertThat(event.json().getString("event")).isEqualTo("connected");
    return event.descriptors().get(0);
  }

  @AfterEach
  void stop() {
    try {
      load.close();
    } finally {
      if (control != null) {
        control.close();
      }
      if (service != null) {
        service.close();
      }
      clients.forEach(ClientNetwork::close);
    }
  }

  /** Streams move, new connections come, and the books are right. */
  private void awaitAllWell() throws Exception {
    load.awaitProgress();
    for (ClientNetwork client : clients) {
      try (TestPeer inside = client.connect("10.1.1.1", 443);
          Descriptor socket = accepted()) {
        inside.write(HELLO);
        assertThat(new TestPeer(socket).read(HELLO.length)).isEqualTo(HELLO);
      }
    }
    assertThat(control().stats().getInteger("tunnels")).isEqualTo(CLIENTS);
    load.check();
  }

  @Test
  void liveConnectionsMoveAgainAndAgainAndNothingIsLost() throws Exception {
    start("");
    for (int i = 0; i < UPGRADES; i++) {
      JsonObject report = service().upgradeInOrder();
      JsonObject moved = report.getJsonObject("services").getJsonObject("bumblebee");
      assertThat(moved.getInteger("tunnels")).isEqualTo(CLIENTS);
      awaitAllWell();
    }
    service().awaitDescriptors(descriptors);
  }

  @ParameterizedTest
  @CsvSource(textBlock = "copy:1:die\nswitch:17:die\nswitch:17:hang\ncommit:0:die")
  void predecessorGoesOnWhenItsSuccessorFails(String fault) throws Exception {
    start("");
    long before = service().pid();
    service().next("exec " + service().successor("successor:" + fault));
    JsonObject report = service().upgrade();
    assertThat(report.getString("outcome")).as(report.encode()).isEqualTo("rolled-back");
    service().awaitAlone(before);
    awaitAllWell();
  }

  @ParameterizedTest
  @CsvSource(textBlock = "switch:17:die\nswitch:17:hang\ncommit:1:die")
  void successorGoesOnWhenItsPredecessorFails(String fault) throws Exception {
    start("predecessor:" + fault);
    JsonObject report = service().upgrade();
    assertThat(report.getString("outcome")).as(report.encode()).isEqualTo("committed");
    service().awaitAlone(report.getJsonObject("to").getLong("pid"));
    awaitAllWell();
  }
}
