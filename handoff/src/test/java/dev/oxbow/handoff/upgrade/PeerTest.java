package dev.oxbow.handoff.upgrade;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Processes;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class PeerTest {

  private static Process sleep() throws IOException {
    return new ProcessBuilder("sleep", "60").start();
  }

  private static Peer of(Process process) {
    return Peer.of(process.pid(), Descriptor.adopt(Processes.pidfdOpen(process.pid())));
  }

  private static int status(Process process) throws InterruptedException {
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  @Test
  void killedPeerHasEndedWhenKillComesBack() throws Exception {
    Process process = sleep();
    try (Peer peer = of(process)) {
      assertThat(peer.canBeSignalled()).isTrue();
      assertThat(peer.endsWithin(50)).isFalse();
      peer.kill();
      assertThat(peer.endsWithin(0)).isTrue();
      assertThat(status(process)).isEqualTo(128 + Processes.SIGKILL);
    }
  }

  @Test
  void stoppedPeerIsKilledToo() throws Exception {
    Process process = sleep();
    new ProcessBuilder("kill", "-STOP", String.valueOf(process.pid())).start().waitFor();
    try (Peer peer = of(process)) {
      assertThat(peer.endsWithin(50)).isFalse();
      peer.kill();
      assertThat(status(process)).isEqualTo(128 + Processes.SIGKILL);
    }
  }

  /** Dead, reaped and its number maybe given away again: a pidfd means that process only. */
  @Test
  void peerThatHasEndedIsKilledWithoutHarm() throws Exception {
    Process process = new ProcessBuilder("cat").start();
    try (Peer peer = of(process)) {
      process.getOutputStream().close();
      assertThat(status(process)).isZero();
      assertThat(peer.endsWithin(10_000)).isTrue();
      peer.kill();
      assertThat(peer.canBeSignalled()).isFalse();
    }
  }

  @Test
  void terminateIsSigterm() throws Exception {
    Process process = sleep();
    try (Peer peer = of(process)) {
      peer.terminate();
      assertThat(peer.endsWithin(10_000)).isTrue();
      assertThat(status(process)).isEqualTo(128 + Processes.SIGTERM);
    }
  }

  @Test
  void whoConnectedIsKnownByTheKernel() {
    Descriptor[] ends = UnixSockets.pair();
    try (Descriptor near = ends[0];
        Descriptor far = ends[1];
        Peer peer = Peer.of(near.fd())) {
      assertThat(far.isOpen()).isTrue();
      assertThat(peer.pid()).isEqualTo(ProcessHandle.current().pid());
      assertThat(peer.uid()).isEqualTo(Syscalls.effectiveUid());
      assertThat(peer).hasToString("process " + peer.pid());
      assertThat(peer.endsWithin(0)).isFalse();
    }
  }
}
