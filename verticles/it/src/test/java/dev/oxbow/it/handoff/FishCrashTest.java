package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A Fish that is killed leaks nothing, and the next one takes up what it has left. */
@DescriptorLeaks
@RequiresRoot
@Timeout(60)
class FishCrashTest {
  @TempDir Path folder;

  @Test
  void killedServiceLeaksNothingAndTheNextOneGoesOn() throws Exception {
    try (FishStage stage = new FishStage(folder).start()) {
      stage.load().pause();
      List<SocketAddress> sources = stage.load().sources();
      RunningOxbow killed = stage.service();
      RunningOxbow.signal(killed.pid(), "KILL");
      killed.await("it is dead", () -> killed.processes().isEmpty());
      stage.control().close();
      Files.delete(killed.runtimeDir().resolve("oxbow.pid"));
      assertThat(stage.inside("nft list ruleset")).contains("oxbow_fish0");
      assertThat(stage.inside("ip route")).contains("blackhole 100.64.0.0/10");
      assertThat(stage.entries()).startsWith(FishStage.FLOWS + " ");
      stage.serve();
      assertThat(stage.control().stats().getInteger("lostSessions")).isEqualTo(1);
      stage.open(FishStage.FLOWS);
      stage.load().goOn();
      stage.load().awaitProgress();
      stage.assertLost(0, 0);
      assertThat(stage.load().sources()).isEqualTo(sources);
      stage.end();
    }
  }
}
