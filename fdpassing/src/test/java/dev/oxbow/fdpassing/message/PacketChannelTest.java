package dev.oxbow.fdpassing.message;

import static dev.oxbow.fdpassing.testing.EpollVertx.await;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.ChildJvm;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class PacketChannelTest {

  /** What the channel told, in order; packets as their text. Written on the loop. */
  private static final class Recorder implements PacketChannel.Listener {
    final List<String> events = new ArrayList<>();
    Runnable onWritable = () -> {};
    Runnable onPacket = () -> {};

    @Override
    public synchronized void packet(Packet packet) {
      Descriptor.closeAll(packet.descriptors());
      int count = packet.descriptors().size();
      String extra = (count > 0 ? "+" + count : "") + (packet.tooLong() ? "..." : "");
      String text = packet.bytes().length > 1000 ? "long" : new String(packet.bytes(), UTF_8);
      events.add(text + extra);
      onPacket.run();
    }

    @Override
    public synchronized void writable() {
      events.add("<writable>");
      onWritable.run();
    }

    @Override
    public synchronized void closed() {
      events.add("<closed>");
    }

    synchronized List<String> events() {
      return List.copyOf(events);
    }

    void await(String event) {
      Await.until(event + " in " + events(), () -> events().contains(event));
    }
  }

  private final Recorder recorder = new Recorder();

  private EpollVertx vertx;
  private PacketPeer peer;
  private PacketChannel channel;

  @BeforeEach
  void start() {
    vertx = EpollVertx.open();
    Descriptor[] pair = UnixSockets.pair();
    peer = new PacketPeer(pair[1]);
    channel =
        vertx.call(
            () -> {
              DescriptorLoop loop = DescriptorLoop.of(vertx.context());
              return new PacketChannel(loop, pair[0], new PacketBuffer(), recorder);
            });
  }

  @AfterEach
  void stop() {
    vertx.run(channel::close);
    peer.close();
    vertx.close();
  }

  @Test
  void deliversPacketsInOrderWithTheirDescriptors() {
    try (Descriptor memfd = Memfd.open("test", 1)) {
      peer.send("a", memfd);
      peer.send("b");
      peer.send("");
      peer.send("c", memfd, memfd);
      NativeMemory memory = NativeMemory.allocate(70_000);
      Sockets.send(peer.fd(), memory.address(), 70_000, 0);
      peer.send("d");
    }
    recorder.await("d");
    assertThat(recorder.events()).containsExactly("a+1", "b", "", "c+2", "long...", "d");
  }

  @Test
  void deliversWhatAClosedPeerHadSentBeforeItSaysClosed() {
    vertx.run(
        () -> {
          for (int i = 0; i < 100; i++) {
            peer.send("p" + i);
            peer.send("");
          }
          peer.send("last");
          peer.close();
        });
    recorder.await("<closed>");
    List<String> expected = new ArrayList<>();
    IntStream.range(0, 100).forEach(i -> expected.addAll(List.of("p" + i, "")));
    expected.addAll(List.of("last", "<closed>"));
    assertThat(recorder.events()).isEqualTo(expected);
    assertThat(vertx.call(channel::isOpen)).isFalse();
  }

  @Test
  void deliversWhatAPeerHadSentThatClosedWithPacketsUnread() {
    vertx.run(
        () -> {
          assertThat(send("never read")).isTrue();
          peer.send("one");
          peer.send("two");
          peer.close();
        });
    recorder.await("<closed>");
    assertThat(recorder.events()).containsExactly("one", "two", "<closed>");
  }

  @Test
  void endBetweenTwoReadsIsNotTakenForEmptyPackets() {
    recorder.onPacket = peer::close;
    peer.send("only");
    recorder.await("<closed>");
    assertThat(recorder.events()).containsExactly("only", "<closed>");
  }

  @Test
  void peerThatOnlyStopsSendingIsClosedToo() {
    peer.send("last");
    Sockets.shutdown(peer.fd(), Sockets.SHUT_WR);
    recorder.await("<closed>");
    assertThat(recorder.events()).containsExactly("last", "<closed>");
  }

  @Test
  void peerThatDoesNotReadHoldsUpOnlyItselfAndLosesNothing() {
    final int total = 20_000;
    int[] next = {0};
    recorder.onWritable =
        () -> {
          while (next[0] < total && send("packet " + next[0])) {
            next[0]++;
          }
        };
    vertx.run(() -> recorder.onWritable.run());
    int held = vertx.call(() -> next[0]);
    assertThat(held).isBetween(1, total - 1);
    assertThat(recorder.events()).isEmpty();
    for (int i = 0; i < total; i++) {
      assertThat(peer.receive().bytes()).asString().isEqualTo("packet " + i);
    }
    assertThat(vertx.call(() -> next[0])).isEqualTo(total);
    assertThat(recorder.events()).containsOnly("<writable>");
  }

  @Test
  void sendToAPeerThatClosesMeanwhileSaysFalseAndTheEndIsTold() {
    recorder.onWritable = () -> send("again");
    vertx.run(
        () -> {
          peer.send("farewell");
          while (send("x".repeat(500))) {
            assertThat(channel.peerGone()).isFalse();
          }
          peer.close();
          assertThat(send("into the void")).isFalse();
        });
    recorder.await("<closed>");
    List<String> events = new ArrayList<>(recorder.events());
    events.removeIf("<writable>"::equals);
    assertThat(events).containsExactly("farewell", "<closed>");
    assertThat(vertx.call(() -> send("after"))).isFalse();
  }

  @Test
  void packetsWaitWhileNobodyReads() {
    vertx.run(() -> channel.setReading(false));
    peer.send("one");
    peer.send("two");
    turn();
    assertThat(recorder.events()).isEmpty();
    vertx.run(() -> channel.setReading(true));
    recorder.await("two");
    recorder.onPacket = () -> channel.setReading(false);
    peer.send("three");
    peer.send("four");
    recorder.await("three");
    turn();
    assertThat(recorder.events()).containsExactly("one", "two", "three");
    peer.close();
    vertx.run(() -> channel.setReading(true));
    recorder.await("four");
    vertx.run(() -> channel.setReading(true));
    recorder.await("<closed>");
    assertThat(recorder.events()).startsWith("one", "two", "three");
    assertThat(recorder.events()).endsWith("<closed>");
  }

  @Test
  void hangUpWhileNobodyReadsCostsNothing() {
    vertx.run(() -> channel.setReading(false));
    peer.send("kept");
    peer.close();
    recorder.await("<writable>");
    assertThat(vertx.call(channel::peerGone)).isTrue();
    long thread = vertx.call(() -> Thread.currentThread().getId());
    long before = ManagementFactory.getThreadMXBean().getThreadCpuTime(thread);
    await(vertx.vertx().timer(500, TimeUnit.MILLISECONDS));
    long spent = ManagementFactory.getThreadMXBean().getThreadCpuTime(thread) - before;
    assertThat(spent).isLessThan(100_000_000);
    assertThat(recorder.events()).containsExactly("<writable>");
    vertx.run(() -> channel.setReading(true));
    recorder.await("<closed>");
    assertThat(recorder.events()).containsExactly("<writable>", "kept", "<closed>");
  }

  @Test
  void nothingIsToldAfterClose() {
    vertx.run(
        () -> {
          peer.send("too late");
          channel.close();
          channel.close();
          channel.setReading(false);
        });
    turn();
    assertThat(recorder.events()).isEmpty();
    assertThat(vertx.call(() -> send("x"))).isFalse();
    assertThatThrownBy(() -> peer.send("x")).isInstanceOf(LinuxException.class);
  }

  @Test
  void listenerMayCloseTheChannelInTheMiddleOfATurn() {
    recorder.onPacket = () -> channel.close();
    vertx.run(
        () -> {
          peer.send("one");
          peer.send("two");
        });
    recorder.await("one");
    turn();
    assertThat(recorder.events()).containsExactly("one");
  }

  @Test
  void manyPacketsAtOnceDoNotKeepTheLoopFromOtherWork() {
    recorder.onPacket = () -> peer.send("more");
    peer.send("first");
    for (int i = 0; i < 10; i++) {
      turn();
    }
    recorder.onPacket = () -> {};
    assertThat(recorder.events().size()).isGreaterThan(1);
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

  /** In a JVM with at most 200 descriptors in flight: sends 2,000 as fast as it can. */
  static final class InFlight {
    public static void main(String[] arguments) {
      final int packets = 40;
      Recorder recorder = new Recorder();
      Descriptor[] pair = UnixSockets.pair();
      try (EpollVertx vertx = EpollVertx.open();
          PacketPeer peer = new PacketPeer(pair[1])) {
        DescriptorLoop loop = DescriptorLoop.of(vertx.context());
        PacketChannel channel =
            vertx.call(() -> new PacketChannel(loop, pair[0], new PacketBuffer(), recorder));
        int[] sent = {0};
        recorder.onWritable =
            () -> {
              List<Descriptor> fifty = Collections.nCopies(50, pair[0]);
              while (sent[0] < packets && channel.send(new byte[] {1}, fifty)) {
                sent[0]++;
              }
            };
        vertx.run(() -> recorder.onWritable.run());
        if (vertx.call(() -> sent[0]) >= packets) {
          throw new AssertionError("no limit was met");
        }
        for (int i = 0; i < packets; i++) {
          List<Descriptor> descriptors = peer.receive().descriptors();
          if (descriptors.size() != 50) {
            throw new AssertionError(descriptors + " in packet " + i);
          }
          Descriptor.closeAll(descriptors);
        }
        vertx.run(channel::close);
        System.out.println("all arrived");
      }
    }
  }

  private boolean send(String text) {
    return channel.send(text.getBytes(UTF_8), List.of());
  }

  /** Lets the loop look for events at least once. */
  private void turn() {
    await(vertx.vertx().timer(2, TimeUnit.MILLISECONDS));
    vertx.run(() -> {});
  }
}
