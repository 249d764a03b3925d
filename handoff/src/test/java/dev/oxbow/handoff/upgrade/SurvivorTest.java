package dev.oxbow.handoff.upgrade;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Processes;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** This process wants to be the one that is left; the other is a real one that does nothing. */
@DescriptorLeaks
class SurvivorTest {
  private static final UpgradeLimits PATIENT = new UpgradeLimits(30_000, 500);
  private static final UpgradeLimits IMPATIENT = new UpgradeLimits(50, 500);

  private Process process;
  private Peer peer;
  private Decision decision;

  @BeforeEach
  void start() throws IOException {
    process = new ProcessBuilder("sleep", "60").start();
    peer = Peer.of(process.pid(), Descriptor.adopt(Processes.pidfdOpen(process.pid())));
    decision = Decision.open();
  }

  @AfterEach
  void end() {
    process.destroyForcibly();
    peer.close();
    decision.close();
  }

  private void remain(UpgradeLimits limits, Faults faults) {
    Survivor.remain(Side.PREDECESSOR, peer, decision, limits, faults);
  }

  @Test
  void whoClaimsFirstEndsTheOther() {
    remain(PATIENT, Faults.none());
    assertThat(peer.endsWithin(0)).isTrue();
    assertThat(decision.claim(Side.SUCCESSOR)).isFalse();
  }

  @Test
  void whoCameSecondKillsNobodyAndWaits() {
    assertThat(decision.claim(Side.SUCCESSOR)).isTrue();
    CompletableFuture<Void> remained =
        CompletableFuture.runAsync(() -> remain(PATIENT, Faults.none()));
    assertThat(peer.endsWithin(300)).isFalse();
    assertThat(remained).isNotDone();
    peer.terminate();
    remained.join();
    assertThat(process.onExit().join().exitValue()).isEqualTo(128 + Processes.SIGTERM);
  }

  @Test
  void claimOfOneThatHangsIsSeized() {
    assertThat(decision.claim(Side.SUCCESSOR)).isTrue();
    remain(IMPATIENT, Faults.none());
    assertThat(process.onExit().join().exitValue()).isEqualTo(128 + Processes.SIGKILL);
  }

  /** It has claimed, hangs for a second, and meanwhile the other has lost patience. */
  @Test
  void whoHungKillsNobodyAfterwards() {
    Faults hangs = Faults.parse("predecessor:commit:3:delay", Side.PREDECESSOR);
    CompletableFuture<Void> remained = CompletableFuture.runAsync(() -> remain(PATIENT, hangs));
    NativeMemory words = NativeMemory.map(decision.descriptor().fd(), 64);
    Await.until("it has claimed", () -> words.getIntVolatile(4) != 0);
    words.unmap();
    decision.seize(Side.SUCCESSOR);
    assertThat(peer.endsWithin(1_500)).isFalse();
    assertThat(remained).isNotDone();
    peer.terminate();
    remained.join();
    assertThat(process.onExit().join().exitValue()).isEqualTo(128 + Processes.SIGTERM);
  }
}
