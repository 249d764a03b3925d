package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.testing.FlowBridge;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A plane is replaced by another while packets go through it. */
@RequiresRoot
@DescriptorLeaks
class HandOverTest {
  /** The common pool has one thread on two processors, since JDK 25 for these tasks, too. */
  private static final Executor THREADS = task -> new Thread(task, "peer").start();

  /** include/uapi/linux/if_tun.h. */
  private static final long TUNSETVNETHDRSZ = 0x400454d8L;

  private static final int MTU = 1500;
  private static final int BYTES = 24 << 20;
  private static final String SERVER = "10.9.9.9";

  /** Bytes on their way in one direction, from one thread to another. */
  private static CompletableFuture<Void> stream(TestPeer from, TestPeer to, int seed) {
    byte[] bytes = new byte[BYTES];
    new Random(seed).nextBytes(bytes);
    TestPeer writer = new TestPeer(from.socket());
    TestPeer reader = new TestPeer(to.socket());
    CompletableFuture<Void> written =
        CompletableFuture.runAsync(
            () -> {
              writer.write(bytes);
              writer.halfClose();
            },
            THREADS);
    return CompletableFuture.allOf(
        written,
        CompletableFuture.runAsync(() -> assertThat(reader.readAll()).isEqualTo(bytes), THREADS));
  }

  @ParameterizedTest
  @EnumSource(names = {"TUN_VNET", "SEQPACKET"})
  void trafficGoesOnInTheSuccessor(FlowBridge.Kind kind) {
    try (ClientNetwork network = new ClientNetwork(MTU, kind.vnetHdr);
        FlowEnd end = new FlowEnd(network, kind);
        Descriptor flow = end.flow().duplicate()) {
      PlaneStage first = new PlaneStage();
      PlaneStage.Told told = first.open(end.spec(5, MTU));
      try (TestPeer client = network.connect(SERVER, 443);
          TestPeer server = told.nextPeer()) {
        CompletableFuture<Void> up = stream(client, server, 1);
        CompletableFuture<Void> down = stream(server, client, 2);
        PlaneStage second = first.successor();
        try (Descriptor early = network.connecting(SERVER, 444, 0)) {
          PlaneStage.Told adopted = second.adopt(told, flow.fd());
          first.passTo(second);
          first.abandon();
          second.unshare();
          up.join();
          down.join();
          assertThat(told.connections).isEmpty();
          try (TestPeer earlyClient = ClientNetwork.connected(early.duplicate());
              TestPeer earlyServer = adopted.nextPeer();
              TestPeer lateClient = network.connect("2001:db8:1::9", 445);
              TestPeer lateServer = adopted.nextPeer()) {
            earlyClient.write(new byte[] {1});
            lateClient.write(new byte[] {2});
            assertThat(earlyServer.read(1)).containsExactly(1);
            assertThat(lateServer.read(1)).containsExactly(2);
          }
          FlowOutcome outcome = adopted.end();
          assertThat(outcome.packets().dropped()).isEmpty();
          assertThat(outcome.packets().in()).isGreaterThan(100);
          assertThat(network.dropped()).isZero();
        }
        second.close();
      }
    }
  }

  @Test
  void predecessorGoesOnAfterTheSuccessorGaveUp() {
    FlowBridge.Kind kind = FlowBridge.Kind.TUN_VNET;
    try (ClientNetwork network = new ClientNetwork(MTU, kind.vnetHdr);
        FlowEnd end = new FlowEnd(network, kind);
        Descriptor flow = end.flow().duplicate()) {
      PlaneStage first = new PlaneStage();
      PlaneStage.Told told = first.open(end.spec(5, MTU));
      try (TestPeer client = network.connect(SERVER, 443);
          TestPeer server = told.nextPeer()) {
        CompletableFuture<Void> up = stream(client, server, 1);
        CompletableFuture<Void> down = stream(server, client, 2);
        PlaneStage second = first.successor();
        second.adopt(told, flow.fd());
        first.passTo(second);
        second.passTo(first);
        second.abandon();
        first.unshare();
        up.join();
        down.join();
        try (TestPeer lateClient = network.connect(SERVER, 445);
            TestPeer lateServer = told.nextPeer()) {
          lateClient.write(new byte[] {2});
          assertThat(lateServer.read(1)).containsExactly(2);
        }
        assertThat(told.end().packets().dropped()).isEmpty();
      }
      first.close();
    }
  }

  @Test
  void ownerWhoChangesTheTunCannotHoldUpASuccessor() {
    FlowBridge.Kind kind = FlowBridge.Kind.TUN_VNET;
    try (ClientNetwork network = new ClientNetwork(MTU, kind.vnetHdr);
        FlowEnd end = new FlowEnd(network, kind);
        Descriptor flow = end.flow().duplicate()) {
      PlaneStage first = new PlaneStage();
      PlaneStage.Told told = first.open(end.spec(5, MTU));
      PlaneStage second = first.successor();
      NativeMemory header = NativeMemory.allocate(Integer.BYTES);
      header.putInt(0, 1024);
      Syscalls.ioctl(end.flow().fd(), TUNSETVNETHDRSZ, header.address());
      PlaneStage.Told adopted = second.adopt(told, flow.fd());
      first.passTo(second);
      first.abandon();
      second.unshare();
      assertThat(adopted.end().reason()).isEqualTo(EndReason.ABORTED);
      second.close();
    }
  }

  @Test
  void placeIsTakenUntilTheKernelHasNoConnectionOfIt() {
    try (RawFlow flow = new RawFlow();
        RawFlow other = new RawFlow()) {
      PlaneStage first = new PlaneStage();
      PlaneStage.Told told = first.open(flow.spec(5, MTU));
      RawConnection.open(flow, Packets.of("192.0.2.1", 4000, "198.51.100.9", 443));
      int slot = told.tunnel.slot();
      TestPeer server = told.nextPeer();
      PlaneStage second = first.successor();
      // As after an end whose connection could not be reset: a record, and no tunnel.
      first.passTo(second);
      first.abandon();
      second.unshare();
      second.awaitCensus();
      PlaneStage.Told next = second.open(other.spec(5 + TunnelPlane.GROUPS, MTU));
      assertThat(next.tunnel.slot()).isNotEqualTo(slot);
      server.reset();
      second.awaitCensus();
      PlaneStage.Told last = second.open(flow.spec(5 + 2 * TunnelPlane.GROUPS, MTU));
      assertThat(last.tunnel.slot()).isEqualTo(slot);
      last.end();
      next.end();
      second.close();
    }
  }

  @Test
  void startingAgainWithoutAStopOpensNothing() throws IOException {
    PlaneStage stage = new PlaneStage();
    long before = sockets();
    for (int i = 0; i < 3; i++) {
      // As after an upgrade that was given up before it shared anything.
      stage.unshare();
    }
    assertThat(sockets()).isEqualTo(before);
    stage.close();
  }

  private static long sockets() throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      return all.filter(HandOverTest::isSocket).count();
    }
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
    } catch (NoSuchFileException e) {
      // The one of the listing itself, or of another thread.
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void tunnelThatEndsMeanwhileIsToldByTheSuccessor() {
    try (RawFlow flow = new RawFlow();
        Descriptor copy = flow.flow().duplicate()) {
      PlaneStage first = new PlaneStage();
      PlaneStage.Told told = first.open(flow.spec(5, MTU));
      RawConnection client =
          RawConnection.open(flow, Packets.of("192.0.2.1", 4000, "198.51.100.9", 443));
      try (TestPeer server = told.nextPeer()) {
        PlaneStage second = first.successor();
        PlaneStage.Told adopted = second.adopt(told, copy.fd());
        client.send(new byte[] {3});
        assertThat(server.read(1)).containsExactly(3);
        flow.far().close();
        first.passTo(second);
        first.abandon();
        second.unshare();
        assertThat(adopted.awaitEnd().reason()).isEqualTo(EndReason.EOF);
        assertThat(told.outcome).isNotDone();
        second.close();
      }
    }
  }
}
