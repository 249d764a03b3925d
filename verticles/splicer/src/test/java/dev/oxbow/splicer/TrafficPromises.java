package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.splicer.load.Conversation;
import dev.oxbow.splicer.load.KnownStream;
import dev.oxbow.splicer.load.Talker;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Bytes arrive whole and in order, whatever the traffic, and no relay starves another. */
interface TrafficPromises extends SplicerStage {
  int SO_RCVLOWAT = 18;
  int MSG_OOB = 1;

  @Test
  default void relaysRandomTrafficOfManyConnectionsUnchanged() {
    long seed = System.nanoTime();
    System.out.println("relaysRandomTrafficOfManyConnectionsUnchanged: seed " + seed);
    Random random = new Random(seed);
    converse(random, 60, () -> random.nextInt(random.nextBoolean() ? 600_000 : 3_000));
  }

  @Test
  default void relaysAThousandConnectionsAtOnce() {
    Random random = new Random(1000);
    converse(random, 1000, () -> random.nextInt(2_000));
  }

  /** Sizes of what is sent. */
  interface Sizes {
    int next();
  }

  private void converse(Random random, int count, Sizes sizes) {
    List<Wire> wires = new ArrayList<>();
    List<Long> toB = new ArrayList<>();
    List<Long> toA = new ArrayList<>();
    Conversation conversation = new Conversation(random);
    Wire.Pairing[] pairings = Wire.Pairing.values();
    try {
      List<Future<Relay>> starting = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        Wire wire = pairings[random.nextInt(pairings.length)].open();
        wires.add(wire);
        toB.add((long) sizes.next());
        toA.add((long) sizes.next());
        conversation.add(wire.pairA().far(), wire.pairB().far(), toB.get(i), toA.get(i));
        starting.add(splicer().splice(request(wire)));
      }
      conversation.run();
      for (int i = 0; i < count; i++) {
        try (SpliceReport report = report(EpollVertx.await(starting.get(i)))) {
          assertThat(report.reason()).isEqualTo(EndReason.EOF);
          assertThat(report.bytesAToB()).isEqualTo(toB.get(i));
          assertThat(report.bytesBToA()).isEqualTo(toA.get(i));
        }
      }
    } finally {
      wires.forEach(Wire::close);
    }
  }

  @Test
  default void relaysABulkTransferUnchanged() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(wire);
      Conversation conversation = new Conversation(new Random(3));
      conversation.add(wire.pairA().far(), wire.pairB().far(), 96 << 20, 1 << 20);
      conversation.run();
      try (SpliceReport report = report(relay)) {
        assertThat(report.bytesAToB()).isEqualTo(96 << 20);
        assertThat(report.bytesBToA()).isEqualTo(1 << 20);
      }
    }
  }

  /** Relays that always have more to do leave their loops time for one that talks in turns. */
  @Test
  default void busyRelaysDoNotStarveAnother() throws InterruptedException {
    AtomicBoolean stop = new AtomicBoolean();
    List<Wire> wires = new ArrayList<>();
    List<Relay> relays = new ArrayList<>();
    Thread pump = null;
    try {
      for (int i = 0; i < 8; i++) {
        wires.add(Wire.tcp());
        relays.add(splice(wires.get(i)));
      }
      pump = new Thread(() -> pump(wires.subList(0, 8), stop), "pump");
      pump.start();
      try (Wire quiet = Wire.tcp();
          SpliceReport report = pingPong(quiet, 300)) {
        assertThat(report.bytesAToB()).isEqualTo(300);
      }
      stop.set(true);
      pump.join();
      for (Relay relay : relays) {
        try (SpliceReport report = abort(relay)) {
          assertThat(report.bytesAToB()).isPositive();
        }
      }
    } finally {
      stop.set(true);
      if (pump != null) {
        pump.join();
      }
      wires.forEach(Wire::close);
    }
  }

  private SpliceReport pingPong(Wire wire, int rounds) {
    Relay relay = splice(wire);
    long longest = 0;
    for (int i = 0; i < rounds; i++) {
      long start = System.nanoTime();
      wire.peerA().write(new byte[] {1});
      wire.peerB().read(1);
      wire.peerB().write(new byte[] {2});
      wire.peerA().read(1);
      longest = Math.max(longest, System.nanoTime() - start);
    }
    assertThat(longest / 1_000_000).as("longest round in ms").isLessThan(600);
    return abort(relay);
  }

  private static void pump(List<Wire> wires, AtomicBoolean stop) {
    byte[] bytes = new byte[64 << 10];
    while (!stop.get()) {
      for (Wire wire : wires) {
        wire.peerA().tryWrite(bytes, 0);
        wire.peerB().tryRead();
      }
    }
  }

  @Test
  default void urgentByteDoesNotStallAStream() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(wire);
      KnownStream stream = new KnownStream(21);
      KnownStream expected = new KnownStream(21);
      for (int round = 0; round < 20; round++) {
        wire.peerA().write(stream.next(200_000));
        sendUrgent(wire.peerA());
        wire.peerA().write(stream.next(100_000));
        expected.check(wire.peerB().read(300_000));
      }
      wire.peerA().halfClose();
      assertThat(wire.peerB().readAll()).isEmpty();
      try (SpliceReport report = abort(relay)) {
        assertThat(report.bytesAToB()).isEqualTo(6_000_000);
      }
    }
  }

  /** The end of the stream is right behind; a splice takes the mark for it. */
  @Test
  default void bytesBehindAnUrgentByteComeBeforeTheEnd() {
    for (int round = 0; round < 10; round++) {
      try (Wire wire = Wire.tcp()) {
        KnownStream stream = new KnownStream(23);
        wire.peerA().write(stream.next(100_000));
        sendUrgent(wire.peerA());
        wire.peerA().write(stream.next(30_000));
        wire.peerA().halfClose();
        Relay relay = splice(wire);
        KnownStream expected = new KnownStream(23);
        expected.check(wire.peerB().readAll());
        assertThat(expected.position()).isEqualTo(130_000);
        abort(relay).close();
      }
    }
  }

  private static void sendUrgent(TestPeer peer) {
    NativeMemory one = Talker.chunk();
    long sent = Sockets.send(peer.fd(), one.address(), 1, MSG_OOB);
    assertThat(sent).isEqualTo(1);
  }

  @Test
  default void lowWaterMarkOfTheCallerDoesNotKeepTheEndOfAStream() {
    try (Wire wire = Wire.tcp()) {
      Sockets.setOption(wire.a().fd(), Sockets.SOL_SOCKET, SO_RCVLOWAT, 60_000);
      Relay relay = splice(wire);
      wire.peerA().write(new KnownStream(22).next(1_000));
      wire.peerA().halfClose();
      new KnownStream(22).check(wire.peerB().readAll());
      try (SpliceReport report = abort(relay)) {
        assertThat(report.bytesAToB()).isEqualTo(1_000);
      }
    }
  }
}
