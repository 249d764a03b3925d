package dev.oxbow.fdpassing.message;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.PacketBuffer.Received;
import dev.oxbow.fdpassing.testing.ChildJvm;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class PacketBufferTest {
  private static final int F_GETFD = 1;
  private static final int FD_CLOEXEC = 1;

  private final PacketBuffer buffer = new PacketBuffer();

  private Descriptor here;
  private Descriptor there;

  @BeforeEach
  void open() {
    Descriptor[] pair = UnixSockets.pair();
    here = pair[0];
    there = pair[1];
  }

  @AfterEach
  void close() {
    here.close();
    there.close();
  }

  @Test
  void packetKeepsItsBytesAndBoundaries() {
    byte[] longest = new byte[PacketBuffer.MAX_BYTES];
    new Random(1).nextBytes(longest);
    assertThat(buffer.send(here.fd(), "first".getBytes(UTF_8), List.of())).isTrue();
    assertThat(buffer.send(here.fd(), longest, List.of())).isTrue();
    assertThat(receive().bytes()).asString().isEqualTo("first");
    assertThat(receive().bytes()).isEqualTo(longest);
    assertThat(buffer.receive(there.fd())).isEqualTo(Received.AGAIN);
    assertThatThrownBy(buffer::packet).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void descriptorsArriveInOrderAndCloseOnExec() {
    List<Descriptor> sent = new ArrayList<>();
    for (int i = 0; i < PacketBuffer.MAX_DESCRIPTORS; i++) {
      sent.add(Memfd.of("test", new byte[] {(byte) i}));
    }
    assertThat(buffer.send(here.fd(), new byte[] {1}, sent)).isTrue();
    assertThat(sent).allMatch(Descriptor::isOpen);
    Descriptor.closeAll(sent);
    Packet packet = receive();
    assertThat(packet.descriptorsLost()).isFalse();
    assertThat(packet.descriptors()).hasSize(253);
    for (int i = 0; i < 253; i++) {
      int fd = packet.descriptors().get(i).fd();
      assertThat(Syscalls.fcntl(fd, F_GETFD, 0) & FD_CLOEXEC).isEqualTo(FD_CLOEXEC);
      assertThat(Memfd.read(fd, 10)).containsExactly((byte) i);
    }
    Descriptor.closeAll(packet.descriptors());
  }

  @Test
  void oneDescriptorMoreOrOneByteMoreIsRefusedBeforeItIsSent() {
    List<Descriptor> tooMany = Collections.nCopies(254, here);
    assertThatThrownBy(() -> buffer.send(here.fd(), new byte[1], tooMany))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("254 descriptors");
    assertThatThrownBy(() -> buffer.send(here.fd(), new byte[65_537], List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("65537 bytes");
    assertThat(buffer.receive(there.fd())).isEqualTo(Received.AGAIN);
  }

  @Test
  void packetThatIsTooLongIsCutAndSaysSo() {
    NativeMemory memory = NativeMemory.allocate(70_000);
    assertThat(Sockets.send(here.fd(), memory.address(), 70_000, 0)).isEqualTo(70_000);
    Packet packet = receive();
    assertThat(packet.tooLong()).isTrue();
    assertThat(packet.bytes()).hasSize(PacketBuffer.MAX_BYTES);
    buffer.send(here.fd(), new byte[1], List.of());
    assertThat(receive().tooLong()).isFalse();
  }

  @Test
  void emptyPacketIsNothingUnlessItCarriesDescriptors() {
    buffer.send(here.fd(), new byte[0], List.of());
    assertThat(buffer.receive(there.fd())).isEqualTo(Received.NOTHING);
    try (Descriptor memfd = Memfd.open("test", 1)) {
      buffer.send(here.fd(), new byte[0], List.of(memfd));
    }
    Packet packet = receive();
    assertThat(packet.bytes()).isEmpty();
    assertThat(packet.descriptors()).hasSize(1);
    Descriptor.closeAll(packet.descriptors());
    here.close();
    assertThat(buffer.receive(there.fd())).isEqualTo(Received.NOTHING);
  }

  @Test
  void sendToAClosedPeerFailsWithItsError() {
    there.close();
    assertThatThrownBy(() -> buffer.send(here.fd(), new byte[1], List.of()))
        .isInstanceOfSatisfying(
            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EPIPE));
  }

  @Test
  void closedDescriptorIsNotSent() {
    Descriptor gone = Memfd.open("test", 1);
    gone.close();
    assertThatThrownBy(() -> buffer.send(here.fd(), new byte[1], List.of(gone)))
        .isInstanceOf(IllegalStateException.class);
    assertThat(buffer.receive(there.fd())).isEqualTo(Received.AGAIN);
  }

  @Test
  void sendSaysWhenThePeersQueueIsFull() {
    int sent = 0;
    while (buffer.send(here.fd(), new byte[1_000], List.of())) {
      sent++;
    }
    for (int i = 0; i < sent; i++) {
      assertThat(receive().bytes()).hasSize(1_000);
    }
    assertThat(buffer.send(here.fd(), new byte[1], List.of())).isTrue();
  }

  @Test
  void socketsKeepTheirStateOnTheWay() {
    try (StreamPair pair = StreamPair.tcp4()) {
      long cookie = Sockets.cookie(pair.near().fd());
      buffer.send(here.fd(), new byte[1], List.of(pair.near()));
      pair.near().close();
      Packet packet = receive();
      assertThat(Sockets.cookie(packet.descriptors().get(0).fd())).isEqualTo(cookie);
      Descriptor.closeAll(packet.descriptors());
    }
  }

  @Test
  void fullDescriptorTableLosesAllDescriptorsOfThePacketAndLeaksNone() throws Exception {
    List<String> limited = List.of("prlimit", "--nofile=300:300");
    assertThat(ChildJvm.run(limited, FullTable.class)).contains("lost and closed");
  }

  /** In a JVM that may open 300 descriptors: not all of 253 more fit. */
  static final class FullTable {
    public static void main(String[] arguments) {
      PacketBuffer buffer = new PacketBuffer();
      Descriptor[] pair = UnixSockets.pair();
      // Loads what is needed while descriptors can still be had.
      if (!buffer.send(pair[0].fd(), new byte[] {6}, List.of())
          || buffer.receive(pair[1].fd()) != Received.PACKET
          || buffer.packet().descriptorsLost()) {
        throw new AssertionError("not even one packet");
      }
      List<Descriptor> holders = new ArrayList<>(Arrays.asList(pair));
      for (int i = 0; i < 100; i++) {
        holders.add(pair[0].duplicate());
      }
      List<Descriptor> many = Collections.nCopies(253, holders.get(5));
      if (!buffer.send(pair[0].fd(), new byte[] {7}, many)) {
        throw new AssertionError("not sent");
      }
      Received received = buffer.receive(pair[1].fd());
      Packet packet = buffer.packet();
      if (received != Received.PACKET
          || !packet.descriptorsLost()
          || packet.descriptors().isEmpty()
          || packet.bytes()[0] != 7) {
        throw new AssertionError(received + " " + packet);
      }
      Descriptor.closeAll(packet.descriptors());
      // If any had stayed open, so many more would not fit.
      for (int i = 0; i < 50; i++) {
        holders.add(pair[0].duplicate());
      }
      Descriptor.closeAll(holders);
      System.out.println("lost and closed");
    }
  }

  private Packet receive() {
    assertThat(buffer.receive(there.fd())).isEqualTo(Received.PACKET);
    return buffer.packet();
  }
}
