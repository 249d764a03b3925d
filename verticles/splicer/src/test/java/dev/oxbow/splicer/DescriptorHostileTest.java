package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LibC;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.StrangeThings;
import dev.oxbow.service.testing.Strangers;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Descriptors that are not what they should be, and what they must not hold up. */
@DescriptorLeaks
@RequiresRoot
final class DescriptorHostileTest {
  private static final int MALLORY = 23_003;

  /** Far more than a round takes on a busy machine, far less than any of the traps. */
  private static final long MOST_MS = 1000;

  private static final String SPLICE = "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]}";

  private ServedSplicer splicer;
  private ControlPeer mallory;
  private ControlPeer honest;
  private PingPong pingPong;

  /** One loop for everything, so that whatever blocks anywhere is felt. */
  static void oneLoop(OxbowOptions options) {
    options.setSplicer(new SplicerOptions().setIdlePipes(0).setLoops(1));
    options.getControl().setAllowedUids(Set.of((long) MALLORY));
  }

  @BeforeEach
  void connect() {
    splicer = ServedSplicer.start(DescriptorHostileTest::oneLoop);
    mallory = Strangers.connect(splicer, MALLORY).hello("app", false);
    honest = splicer.connect("app");
    pingPong = new PingPong(honest);
  }

  @AfterEach
  void close() {
    pingPong.close();
    assertThat(pingPong.longestMs()).isLessThan(MOST_MS);
    assertThat(pingPong.rounds()).isPositive();
    try (ControlPeer watcher = splicer.connect()) {
      Await.until("all is closed", () -> watcher.stats().getInteger("descriptors") == 0);
    }
    mallory.close();
    honest.close();
    splicer.close();
  }

  private String refusedSoon(String request, Descriptor... descriptors) {
    long begin = System.nanoTime();
    String refusal = mallory.refused(request, descriptors);
    assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(MOST_MS);
    return refusal;
  }

  @Test
  void everyOtherKindOfDescriptorIsRefusedAtOnce() {
    try (StrangeThings things = StrangeThings.make(splicer.directory(), "kinds.py");
        StreamPair good = StreamPair.tcp4()) {
      assertThat(things.byKind()).hasSizeGreaterThan(20);
      for (Map.Entry<String, Descriptor> thing : things.byKind().entrySet()) {
        assertThat(refusedSoon(SPLICE, thing.getValue(), good.near()))
            .as(thing.getKey())
            .startsWith("bad-descriptors: a: ");
        assertThat(refusedSoon(SPLICE, good.near(), thing.getValue()))
            .as(thing.getKey())
            .startsWith("bad-descriptors: b: ");
        mallory.sendBody(thing.getValue(), List.of());
        assertThat(mallory.refusal()).as(thing.getKey()).startsWith("bad-");
      }
    }
  }

  @Test
  void fileThatHangsWhoeverClosesItHoldsUpItsSenderOnly() {
    try (StreamPair good = StreamPair.tcp4()) {
      try (StrangeThings things = StrangeThings.make(splicer.directory(), "hang.py")) {
        Descriptor fuse = things.byKind().get("fuse");
        for (int i = 0; i < 3; i++) {
          assertThat(refusedSoon(SPLICE, fuse, good.near()))
              .startsWith("bad-descriptors: a: not a socket");
          assertThat(refusedSoon(SPLICE, good.near(), fuse))
              .startsWith("bad-descriptors: b: not a socket");
          assertThat(refusedSoon("{\"op\":\"stats\",\"id\":1,\"fds\":[\"x\"]}", fuse))
              .startsWith("bad-descriptors: x: ");
          assertThat(refusedSoon("{", fuse)).startsWith("bad-request: ");
        }
        long rounds = pingPong.rounds();
        Await.until("traffic goes on", () -> pingPong.rounds() > rounds + 100);
        assertThat(honest.stats().getInteger("descriptors")).isGreaterThan(10);
        // Bodies are not read where descriptors are closed, so not even its sender has to wait.
        long begin = System.nanoTime();
        mallory.sendBody(fuse, List.of());
        assertThat(mallory.refusal()).startsWith("bad-descriptors: body: neither a memfd");
        mallory.sendInBody("{\"op\":\"stats\",\"id\":1}", List.of());
        assertThat(mallory.answer().getInteger("id")).isEqualTo(1);
        assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(MOST_MS);
      }
    }
  }

  @Test
  void closeOfALingeringSocketHoldsUpItsSenderOnly() {
    try (StreamPair stuck = lingering(3);
        StreamPair good = StreamPair.unix()) {
      // The service has the last descriptor of it.
      mallory.send("{\"op\":\"stats\",\"id\":1,\"fds\":[\"x\"]}", stuck.near());
      stuck.near().close();
      assertThat(mallory.refusal()).startsWith("bad-descriptors: x: ");
      for (int i = 0; i < 20; i++) {
        assertThat(refusedSoon(SPLICE, good.near(), good.near())).startsWith("bad-descriptors: b");
      }
      long begin = System.nanoTime();
      mallory.sendInBody("{\"op\":\"stats\",\"id\":1}", List.of());
      assertThat(mallory.answer().getInteger("id")).isEqualTo(1);
      assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(MOST_MS);
      assertThat(honest.stats().getInteger("descriptors")).isPositive();
    }
  }

  @Test
  void lingeringSocketsThatNobodyTakesAreClosedAtOnce() {
    try (StreamPair stuck = lingering(30);
        StreamPair other = StreamPair.tcp4()) {
      try (ControlPeer nameless = Strangers.connect(splicer, MALLORY)) {
        nameless.splice(stuck.near(), other.near());
      }
      stuck.near().close();
      other.near().close();
      Await.until("it has gone", () -> honest.stats().getInteger("connections") == 2);
      new TestPeer(other.far()).reset();
      Await.until("both are closed", () -> honest.stats().getInteger("descriptors") == 2);
    }
  }

  /** A socket whose close waits, because its peer does not read. */
  private static StreamPair lingering(int seconds) {
    StreamPair pair = StreamPair.tcp4();
    new TestPeer(pair.near()).fill();
    NativeMemory linger = NativeMemory.allocate(8);
    linger.putInt(0, 1);
    linger.putInt(4, seconds);
    int fd = pair.near().fd();
    LibC.INSTANCE.setsockopt(fd, Sockets.SOL_SOCKET, Sockets.SO_LINGER, linger.address(), 8);
    return pair;
  }

  @Test
  void emptyPacketsBehindTheLastMessageHoldUpNobody() {
    for (int i = 0; i < 20; i++) {
      try (StreamPair stuck = lingering(2)) {
        ControlPeer peer = Strangers.connect(splicer, MALLORY);
        peer.send("");
        peer.send("", stuck.near());
        stuck.near().close();
        peer.close();
      }
    }
    long rounds = pingPong.rounds();
    Await.until("traffic goes on", () -> pingPong.rounds() > rounds + 10);
  }

  @Test
  void asManyDescriptorsAsFitAreRefusedAtOnce() {
    List<String> names = IntStream.range(0, 253).mapToObj(i -> "\"n" + i + "\"").toList();
    try (StreamPair good = StreamPair.tcp4()) {
      Descriptor[] all = Collections.nCopies(253, good.near()).toArray(Descriptor[]::new);
      for (int i = 0; i < 20; i++) {
        assertThat(refusedSoon("{\"op\":\"splice\",\"id\":1,\"fds\":" + names + "}", all))
            .startsWith("bad-descriptors: a: missing");
      }
    }
  }

  @Test
  void flagsFlippedByAnUntrustedUidBlockNobody() {
    try (StreamPair one = StreamPair.tcp4();
        StreamPair two = StreamPair.tcp4();
        TestPeer farOne = new TestPeer(one.far().duplicate());
        TestPeer nearOne = new TestPeer(one.near().duplicate());
        TestPeer nearTwo = new TestPeer(two.near().duplicate())) {
      mallory.splice(one.near(), two.near());
      for (int i = 0; i < 50; i++) {
        nearOne.nonBlocking(i % 2 == 0);
        nearTwo.nonBlocking(i % 3 == 0);
        // Nobody reads at the other end, so a blocking write would wait for ever.
        farOne.fill();
        long rounds = pingPong.rounds();
        Await.until("traffic goes on", () -> pingPong.rounds() > rounds + 2);
      }
      assertThat(honest.stats().getInteger("stalls")).isZero();
    }
    mallory.event().close();
  }

  @Test
  void flagsFlippedByATrustedUidCostItTheRelay() {
    try (StreamPair one = StreamPair.tcp4();
        StreamPair two = StreamPair.tcp4();
        TestPeer farOne = new TestPeer(one.far().duplicate());
        TestPeer nearTwo = new TestPeer(two.near().duplicate());
        ControlPeer careless = splicer.connect("careless")) {
      careless.splice(one.near(), two.near());
      Await.until(
          "the watchdog has seen it",
          () -> {
            nearTwo.nonBlocking(false);
            farOne.fill();
            return honest.stats().getInteger("stalls") > 0;
          });
      try (ControlPeer.Incoming event = careless.event()) {
        assertThat(event.json().getString("reason")).isEqualTo("error");
        assertThat(event.json().getString("errno")).isEqualTo("EAGAIN");
        assertThat(event.json().getString("endedBy")).isIn("b", null);
      }
    }
  }
}
