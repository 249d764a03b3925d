package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.load.Wire;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** One gibibyte through one relay, every eight bytes of which are a count. */
@DescriptorLeaks
class BulkTest {
  private static final long TOTAL_BYTES = 1L << 30;
  private static final int CHUNK_BYTES = 256 << 10;

  @Test
  void relaysAGibibyteUnchanged() throws Exception {
    try (PlaneStage stage = new PlaneStage();
        Wire wire = Wire.tcp()) {
      PlaneStage.Running relay = stage.relay(wire, false);
      CompletableFuture<Void> sender =
          CompletableFuture.runAsync(() -> send(wire.peerA().fd(), TOTAL_BYTES));
      receive(wire.peerB().fd(), TOTAL_BYTES);
      sender.get(10, TimeUnit.SECONDS);
      wire.peerB().halfClose();
      RelayOutcome outcome = relay.outcome();
      assertThat(outcome.reason()).isEqualTo(EndReason.EOF);
      assertThat(outcome.aToB().delivered()).isEqualTo(TOTAL_BYTES);
    }
  }

  private static void send(int fd, long total) {
    NativeMemory chunk = NativeMemory.allocate(CHUNK_BYTES);
    for (long done = 0; done < total; ) {
      for (int i = 0; i < CHUNK_BYTES; i += 8) {
        chunk.putLong(i, done + i);
      }
      for (int sent = 0; sent < CHUNK_BYTES; ) {
        long n = Sockets.send(fd, chunk.address() + sent, CHUNK_BYTES - sent, Sockets.MSG_DONTWAIT);
        sent += (int) Math.max(0, n);
        if (n == Syscalls.AGAIN) {
          Sockets.poll(fd, Sockets.POLLOUT, 1_000);
        }
      }
      done += CHUNK_BYTES;
    }
    Sockets.shutdown(fd, Sockets.SHUT_WR);
  }

  private static void receive(int fd, long total) {
    NativeMemory chunk = NativeMemory.allocate(CHUNK_BYTES);
    int held = 0;
    long checked = 0;
    while (true) {
      long n = Sockets.recv(fd, chunk.address() + held, CHUNK_BYTES - held, Sockets.MSG_DONTWAIT);
      if (n == Syscalls.AGAIN) {
        assertThat(Sockets.poll(fd, Sockets.POLLIN, 10_000)).isPositive();
        continue;
      }
      if (n == 0) {
        assertThat(checked).isEqualTo(total);
        assertThat(held).isZero();
        return;
      }
      int whole = (held + (int) n) & ~7;
      for (int i = 0; i < whole; i += 8) {
        if (chunk.getLong(i) != checked + i) {
          throw new AssertionError("differs at byte " + (checked + i));
        }
      }
      checked += whole;
      held = held + (int) n - whole;
      for (int i = 0; i < held; i++) {
        chunk.putByte(i, chunk.getByte(whole + i));
      }
    }
  }
}
