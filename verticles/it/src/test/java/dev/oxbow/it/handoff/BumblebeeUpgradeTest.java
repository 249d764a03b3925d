package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.bumblebee.tunnel.NumberedPackets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tunnels and their connections move to the next process, under traffic. */
@DescriptorLeaks
@RequiresRoot
@Timeout(300)
class BumblebeeUpgradeTest {

  /** How many in a row: {@code -Doxbow.upgrades=100}. */
  private static final int UPGRADES = Integer.getInteger("oxbow.upgrades", 3);

  private static final int LINES = 10;

  /** In each direction. */
  private static final int PACKETS_PER_SECOND = 10_000;

  /** Of them; what a busy machine is behind when the packets stop is not made up for. */
  private static final long REACHED_PER_SECOND = PACKETS_PER_SECOND * 95L / 100;

  /** Of a tunnel; the target is 10 ms, and 1 is usual, but a busy machine may take its time. */
  private static final double MAX_PAUSE_MS = 250;

  @TempDir Path folder;

  private RunningOxbow start() throws Exception {
    return RunningOxbow.in(folder).sections(TunnelLoad.SECTION).start();
  }

  private static JsonObject upgrade(RunningOxbow service, int tunnels) throws Exception {
    JsonObject report = service.upgradeInOrder();
    JsonObject moved = report.getJsonObject("services").getJsonObject("bumblebee");
    assertThat(moved.getInteger("tunnels")).isEqualTo(tunnels);
    return moved;
  }

  @Test
  void liveConnectionsMoveAgainAndAgainAndNothingIsLost() throws Exception {
    try (RunningOxbow service = start();
        RampLoad streams = new RampLoad();
        TunnelLoad tunnels = TunnelLoad.open(service, streams)) {
      streams.start().awaitProgress();
      Map<String, Integer> descriptors = RunningOxbow.descriptors(service.pid());
      for (int i = 0; i < UPGRADES; i++) {
        upgrade(service, TunnelLoad.TUNNELS);
        streams.awaitProgress();
        tunnels.awaitAllWell();
      }
      service.awaitDescriptors(descriptors);
      streams.drain();
    }
  }

  @Test
  void numberedPacketsAreNeitherLostNorDoubledNorReordered() throws Exception {
    try (RunningOxbow service = start();
        ControlPeer control = TunnelLoad.control(service);
        NumberedPackets packets = new NumberedPackets(PACKETS_PER_SECOND)) {
      TunnelLoad.upgrade(control, packets.flow());
      for (int i = 0; i < LINES; i++) {
        packets.connect(() -> TunnelLoad.accepted(control));
      }
      packets.start();
      for (int i = 0; i < UPGRADES; i++) {
        JsonObject pauseMs = upgrade(service, 1).getJsonObject("pauseMs");
        packets.check();
        System.out.println("upgrade " + (i + 1) + ": pauseMs " + pauseMs);
        assertThat(pauseMs.getDouble("max")).isPositive().isLessThan(MAX_PAUSE_MS);
      }
      NumberedPackets.Figures figures = packets.finish();
      System.out.println(figures);
      assertThat(figures.upPerSecond()).isGreaterThan(REACHED_PER_SECOND);
      assertThat(figures.downPerSecond()).isGreaterThan(REACHED_PER_SECOND);
      // Each that went in and came out, and no other: also those that the kernel sends by itself.
      Await.until(
          "all packets are counted",
          () -> packets.receiveMore() == counted(control).getLong("out"));
      assertThat(counted(control).getLong("in")).isEqualTo(figures.in());
      assertThat(counted(control).getJsonObject("dropped")).isEmpty();
      assertThat(control.stats().getJsonObject("packets").getLong("kernelDropped")).isZero();
    }
  }

  /** The packets of the one tunnel. */
  private static JsonObject counted(ControlPeer control) {
    JsonObject list = control.ask("{\"op\":\"list\",\"id\":1}");
    return list.getJsonArray("tunnels").getJsonObject(0).getJsonObject("packets");
  }
}
