package dev.oxbow.handoff.upgrade;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.fdpassing.testing.ChildJvm;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.handoff.upgrade.HandoffChannel.BrokenException;
import dev.oxbow.handoff.upgrade.HandoffChannel.Received;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
class HandoffChannelTest {
  private final Descriptor[] ends = UnixSockets.pair();
  private final HandoffChannel near = new HandoffChannel(ends[0]);
  private final HandoffChannel far = new HandoffChannel(ends[1]);
  private final PacketBuffer raw = new PacketBuffer();

  @AfterEach
  void close() {
    near.close();
    far.close();
  }

  private void rawly(String json, List<Descriptor> descriptors) {
    assertThat(raw.send(ends[1].fd(), json.getBytes(StandardCharsets.UTF_8), descriptors)).isTrue();
  }

  private static void breaks(ThrowingCallable what, boolean ended, String why) {
    assertThatThrownBy(what)
        .isInstanceOfSatisfying(BrokenException.class, e -> assertThat(e.ended()).isEqualTo(ended))
        .hasMessageContaining(why);
  }

  @Test
  void messagesArriveWithTheirDescriptors() {
    List<String> names = IntStream.range(0, 253).mapToObj(i -> "n" + i).toList();
    try (Descriptor memfd = Memfd.open("x", 1)) {
      List<Descriptor> many = Collections.nCopies(253, memfd);
      far.send(new MessageWriter().strings("fds", names), many, 1000);
      Received received = near.receive(1000);
      assertThat(received.descriptors()).hasSize(253);
      assertThat(received.message().strings("fds")).isEqualTo(names);
      Descriptor.closeAll(received.descriptors());
      assertThat(memfd.isOpen()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "{\"fds\":[\"x\"]", "{\"fds\":7}", "\u0000"})
  void damagedMessageIsRefusedAndItsDescriptorsClosed(String json) {
    try (Descriptor memfd = Memfd.open("x", 1)) {
      rawly(json, List.of(memfd));
      breaks(() -> near.receive(1000), false, json.isEmpty() ? "" : "damaged");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"fds\":[]}", "{\"fds\":[\"a\",\"b\"]}"})
  void otherDescriptorsThanNamedAreRefusedAndClosed(String json) {
    try (Descriptor memfd = Memfd.open("x", 1)) {
      rawly(json, List.of(memfd));
      breaks(() -> near.receive(1000), false, "named and 1 attached");
    }
  }

  @Test
  void messageThatDoesNotFitIsRefused() {
    byte[] json = "{}".getBytes(StandardCharsets.UTF_8);
    NativeMemory memory = NativeMemory.allocate(PacketBuffer.MAX_BYTES + 1);
    memory.putBytes(
        0, " ".repeat(memory.size()).getBytes(StandardCharsets.UTF_8), 0, memory.size());
    memory.putBytes(0, json, 0, json.length);
    Sockets.send(ends[1].fd(), memory.address(), memory.size(), Sockets.MSG_DONTWAIT);
    breaks(() -> near.receive(1000), false, "longer than a packet may be");
  }

  @Test
  void silenceEndsInTime() {
    long began = System.nanoTime();
    breaks(() -> near.receive(60), false, "nothing within 60 ms");
    assertThat((System.nanoTime() - began) / 1_000_000).isBetween(59L, 5000L);
    assertThat(near.poll(1)).isNull();
    assertThat(near.poll(0)).isNull();
  }

  @Test
  void whoDoesNotReadIsGivenUpInTime() {
    breaks(
        () -> {
          for (int i = 0; i < 10_000; i++) {
            near.send(new MessageWriter().string("x", "y".repeat(1000)), 60);
          }
        },
        false,
        "does not read within 60 ms");
    assertThat(far.receive(0).message().string("x")).hasSize(1000);
  }

  @Test
  void peerThatIsGoneHasEnded() {
    far.send(new MessageWriter().flag("last", true), 1000);
    far.close();
    assertThat(near.receive(1000).message().has("last")).isTrue();
    breaks(() -> near.receive(1000), true, "");
    breaks(() -> near.send(new MessageWriter(), 1000), true, "");
  }

  @Test
  void descriptorsThatNobodyReadsAreNotLeaked() {
    try (Descriptor memfd = Memfd.open("x", 1)) {
      far.send(new MessageWriter().strings("fds", List.of("x")), List.of(memfd), 1000);
    }
    near.close();
  }

  @Test
  @RequiresRoot
  void tooManyDescriptorsInFlightAreSentWhenThereAreFewer() throws Exception {
    // Root with all capabilities has no such limit.
    List<String> limited =
        List.of(
            "prlimit", "--nofile=200:200", "setpriv", "--bounding-set=-sys_resource,-sys_admin");
    assertThat(ChildJvm.run(limited, InFlight.class)).contains("all arrived");
  }

  /** In a JVM with at most 200 descriptors in flight: sends until they are, and then 1,000. */
  static final class InFlight {
    private static final int A_MESSAGE = 50;

    public static void main(String[] arguments) throws InterruptedException {
      Descriptor[] ends = UnixSockets.pair();
      try (HandoffChannel near = new HandoffChannel(ends[0]);
          HandoffChannel far = new HandoffChannel(ends[1])) {
        int waiting = fill(near, ends[0]);
        // A socket takes hundreds of such messages: it is not for want of room.
        if (waiting < 4 || waiting > 10) {
          throw new AssertionError(waiting + " messages until the limit was met");
        }
        Thread sender =
            new Thread(
                () -> {
                  for (int i = 0; i < 20; i++) {
                    send(near, ends[0], 10_000);
                  }
                });
        sender.start();
        for (int i = 0; i < waiting + 20; i++) {
          Received received = far.receive(10_000);
          assertThat(received.descriptors()).hasSize(A_MESSAGE);
          Descriptor.closeAll(received.descriptors());
        }
        sender.join();
        assertThat(far.poll(0)).isNull();
        System.out.println("all arrived");
      }
    }

    /** Sends until no more can be sent; how many were. */
    private static int fill(HandoffChannel near, Descriptor what) {
      for (int sent = 0; ; sent++) {
        try {
          send(near, what, 60);
        } catch (BrokenException e) {
          assertThat(e).hasMessageContaining("does not read within 60 ms");
          assertThat(e.ended()).isFalse();
          return sent;
        }
      }
    }

    private static void send(HandoffChannel near, Descriptor what, int timeoutMs) {
      MessageWriter message =
          new MessageWriter().strings("fds", Collections.nCopies(A_MESSAGE, "x"));
      near.send(message, Collections.nCopies(A_MESSAGE, what), timeoutMs);
    }
  }
}
