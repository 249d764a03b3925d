package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.splicer.load.Wire;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/**
 * One relay has more to do than a turn allows, and the other's events stand behind its own: how far
 * the first has come when the second is over.
 */
@DescriptorLeaks
@RequiresRoot
final class TurnTest {
  private static final int MIB = 1 << 20;

  // include/uapi/asm-generic/socket.h; these go beyond net.core.wmem_max and rmem_max.
  private static final int SO_SNDBUFFORCE = 32;
  private static final int SO_RCVBUFFORCE = 33;

  /** What can be moved at once, if nobody says stop. */
  private static final int WAITING = 12 * MIB;

  private static long movedWhenAnotherIsOver(boolean guarded) throws Exception {
    try (PlaneStage stage = new PlaneStage();
        Wire busy = Wire.tcp();
        Wire brief = Wire.tcp()) {
      makeRoom(busy.peerA().socket(), busy.a(), busy.b(), busy.peerB().socket());
      int first = stage.nextGroup();
      stage.freeze(first);
      PlaneStage.Running busyRelay = stage.relay(busy, guarded);
      int second = stage.nextGroup();
      stage.freeze(second);
      PlaneStage.Running briefRelay = stage.relay(brief, guarded);
      assertThat(busy.peerA().tryWrite(new byte[WAITING], 0)).isEqualTo(WAITING);
      brief.peerA().write(new byte[1]);
      brief.peerA().halfClose();
      brief.peerB().halfClose();
      CompletableFuture<Long> moved =
          briefRelay.finished().thenApply(outcome -> busyRelay.relay().delivered(Side.A));
      stage
          .vertx()
          .run(
              () -> {
                stage.plane().thaw(first);
                stage.plane().thaw(second);
              });
      long soFar = moved.get();
      Await.until("the rest is moved", () -> busyRelay.relay().delivered(Side.A) == WAITING);
      stage.abort(busyRelay);
      return soFar;
    }
  }

  private static void makeRoom(Descriptor... sockets) {
    for (Descriptor socket : sockets) {
      Sockets.setOption(socket.fd(), Sockets.SOL_SOCKET, SO_SNDBUFFORCE, 4 * WAITING);
      Sockets.setOption(socket.fd(), Sockets.SOL_SOCKET, SO_RCVBUFFORCE, 4 * WAITING);
    }
  }

  @Test
  void bytesOfATurnAreBounded() throws Exception {
    // Four MiB, and what the last splice of up to one more brought.
    assertThat(movedWhenAnotherIsOver(false)).isBetween(1L, 5L * MIB);
  }

  @Test
  void systemCallsOfATurnAreBounded() throws Exception {
    // Copies are of 16 KiB, so it is their number that ends the turn.
    assertThat(movedWhenAnotherIsOver(true)).isBetween(1L, 32L * (16 << 10));
  }
}
