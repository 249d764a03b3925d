package dev.oxbow.it.pair;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.it.process.OxbowProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A gateway of the second node has its turn when the first one is lost, and not before. */
@DescriptorLeaks
@RequiresRoot
@Timeout(120)
class PairGatewayTest {
  private static final String NAME = "client";
  private static final String WAITS = "/tun0: waits: the partner has a session of that name";

  @TempDir Path folder;

  private OxbowProcess gateway(PairWorld world, Namespace inside, String name) throws IOException {
    return OxbowProcess.gateway(
        folder,
        name,
        OxbowProcess.builtJar(),
        List.of("nsenter", "--net=" + Edge.file(world.two.namespace)),
        List.of(
            "--tun",
            "tun0",
            "--netns",
            Edge.file(inside),
            "--egress",
            PairWorld.BUSY + ":" + PairWorld.BUSY_PORTS,
            "--egress-tcp",
            "--fish",
            world.two.process().runtimeDir().resolve("fish.sock").toString(),
            "--app",
            "proxy",
            "--resume",
            NAME));
  }

  @Test
  void secondGatewayWaitsWithItsTunAndCarriesWhenTheFirstNodeIsLost() throws Exception {
    try (PairWorld world = new PairWorld(folder).start(", quarantineMs: 1000");
        Namespace inside = Namespace.open()) {
      world.until(
          "the first node has the session",
          () -> {},
          () -> world.one.open(NAME, world.tun.descriptor()).isOpen());
      try (OxbowProcess waiting = gateway(world, inside, "waiting")) {
        waiting.awaitLog(WAITS);
        assertThat(EgressStage.in(inside, "ip link show tun0")).contains("state");
        assertThat(waiting.stop()).isZero();
      }
      try (OxbowProcess next = gateway(world, inside, "next")) {
        next.awaitLog(WAITS);
        assertThat(next.log()).doesNotContain("carries everything");
        world.one.kill();
        next.awaitLog("carries everything from " + PairWorld.BUSY);
        next.awaitLog("GatewayProcess: carrying ");
        assertThat(next.stop()).isZero();
      }
    }
  }
}
