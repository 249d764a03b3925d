package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.net.SocketAddress;
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
      stage.goOnAfter(killed);
      stage.load().goOn();
      stage.load().awaitProgress();
      stage.assertLost(0, 0);
      assertThat(stage.load().sources()).isEqualTo(sources);
      stage.end();
    }
  }
}
