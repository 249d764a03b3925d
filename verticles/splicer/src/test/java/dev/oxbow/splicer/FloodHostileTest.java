package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.Strangers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Too much of everything, beside somebody else's traffic. */
@DescriptorLeaks
@RequiresRoot
final class FloodHostileTest {
  private static final int MALLORY = 23_003;
  private static final long MOST_MS = 1000;
  private static final int MIB = 1 << 20;

  /** Starts relays as fast as it can and reads nothing. */
  private static final String STARTER =
      """
      import array, socket, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
      s.connect(sys.argv[1])
      s.send(b'{"op":"hello","id":0,"app":"killed"}')
      kept = []
      while True:
          a, c = socket.socketpair()
          b, d = socket.socketpair()
          kept += [c, d]
          rights = array.array("i", [a.fileno(), b.fileno()])
          message = b'{"op":"splice","id":1,"fds":["a","b"]}'
          s.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
          a.close()
          b.close()
      """;

  private ServedSplicer splicer;
  private ControlPeer honest;
  private PingPong pingPong;

  @BeforeEach
  void connect() {
    splicer = ServedSplicer.start(DescriptorHostileTest::oneLoop);
    honest = splicer.connect("app");
    pingPong = new PingPong(honest);
  }

  @AfterEach
  void close() {
    pingPong.close();
    assertThat(pingPong.longestMs()).isLessThan(MOST_MS);
    Await.until("all is closed", () -> honest.stats().getInteger("descriptors") == 0);
    honest.close();
    splicer.close();
  }

  @Test
  void whoReadsNoAnswersIsNotReadFrom() {
    try (ControlPeer mallory = Strangers.connect(splicer, MALLORY)) {
      int sent = 0;
      String request = "{\"op\":\"stats\",\"id\":%d,\"x\":\"" + "x".repeat(1000) + "\"}";
      while (mallory.trySend(request.formatted(sent))) {
        sent++;
        // Bounded by two socket buffers; what the service has read it has answered.
        assertThat(sent).isLessThan(20_000);
      }
      long rounds = pingPong.rounds();
      Await.until("traffic goes on", () -> pingPong.rounds() > rounds + 100);
      for (int id = 0; id < sent; id++) {
        assertThat(mallory.answer().getInteger("id")).isEqualTo(id);
      }
    }
  }

  @Test
  void manyConnectionsOfOneUidDoNotCrowdOutAnother() {
    List<ControlPeer> crowd =
        Strangers.connect(
            splicer, List.of("--reuid=" + MALLORY, "--regid=" + MALLORY, "--clear-groups"), 200);
    String request = "{\"op\":\"stats\",\"id\":1,\"x\":[" + "[],".repeat(5000) + "0]}";
    List<Integer> sent = new ArrayList<>();
    try {
      for (ControlPeer peer : crowd) {
        int count = 0;
        while (count < 12 && peer.trySend(request)) {
          count++;
        }
        sent.add(count);
      }
      long begin = System.nanoTime();
      assertThat(honest.stats()).isNotNull();
      long honestNanos = System.nanoTime() - begin;
      for (int i = 0; i < crowd.size(); i++) {
        for (int count = 0; count < sent.get(i); count++) {
          assertThat(crowd.get(i).answer().getInteger("id")).isEqualTo(1);
        }
      }
      long crowdNanos = System.nanoTime() - begin;
      assertThat(honestNanos).isLessThan(crowdNanos / 8);
    } finally {
      crowd.forEach(ControlPeer::close);
    }
  }

  @Test
  void tenThousandConnectionsComeAndGo() {
    for (int i = 0; i < 10_000; i++) {
      try (ControlPeer peer = splicer.connect()) {
        if (i % 2 == 0) {
          peer.send("{\"op\":\"hello\",\"id\":1,\"app\":\"app" + i + "\"}");
        }
      }
    }
    Await.until("all have gone", () -> honest.stats().getInteger("connections") == 1);
    Await.until("with their mailboxes", () -> honest.stats().getInteger("mailboxes") == 1);
  }

  @Test
  void clientThatIsKilledInTheMidstOfRequestsLeavesNothing() throws Exception {
    Process child =
        new ProcessBuilder("/usr/bin/python3", "-c", STARTER, splicer.socket().toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    Await.until("it has started some", () -> honest.stats().getInteger("relays") > 20);
    child.destroyForcibly().waitFor();
    Await.until("its relays are over", () -> honest.stats().getInteger("relays") == 1);
    // They wait for the app, which never comes; until then they are its own, and can be collected.
    try (ControlPeer successor = splicer.connect("killed")) {
      Await.until("all are collected", () -> drained(successor));
    }
  }

  private boolean drained(ControlPeer successor) {
    while (!successor.quiet()) {
      successor.event().close();
    }
    return honest.stats().getInteger("mailboxEvents") == 0 && successor.quiet();
  }

  @Test
  void sameSocketsGivenTwiceAtOnceAreTakenOnce() throws Exception {
    CyclicBarrier barrier = new CyclicBarrier(2);
    for (int i = 0; i < 50; i++) {
      AtomicInteger taken = new AtomicInteger();
      try (StreamPair one = StreamPair.unix();
          StreamPair two = StreamPair.unix();
          ControlPeer left = splicer.connect("left");
          ControlPeer right = splicer.connect("right")) {
        Thread other = new Thread(() -> give(barrier, right, two, one, taken));
        other.start();
        give(barrier, left, one, two, taken);
        other.join();
        assertThat(taken.get()).isEqualTo(1);
      }
      try (ControlPeer left = splicer.connect("left");
          ControlPeer right = splicer.connect("right")) {
        Await.until("it is over", () -> honest.stats().getInteger("relays") == 1);
        Await.until("one half is collected", () -> drained(left));
        Await.until("the other is", () -> drained(right));
      }
    }
  }

  private static void give(
      CyclicBarrier barrier, ControlPeer peer, StreamPair a, StreamPair b, AtomicInteger taken) {
    try {
      barrier.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new AssertionError(e);
    }
    peer.send("{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]}", a.near(), b.near());
    try (ControlPeer.Incoming answer = peer.receive()) {
      if (answer.json().containsKey("relay")) {
        taken.incrementAndGet();
      } else {
        assertThat(answer.why()).contains("already in a relay");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{},", "[],", "1,", "\"\","})
  void messageOfManySmallValuesTakesLittleMemory(String element) {
    // Sixteen MiB of text could become thirty times as much in memory.
    byte[] begin = "{\"op\":\"stats\",\"id\":1,\"x\":[".getBytes(StandardCharsets.UTF_8);
    byte[] all = new byte[16 * MIB];
    byte[] unit = element.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(begin, 0, all, 0, begin.length);
    int at = begin.length;
    while (at + unit.length + 4 <= all.length) {
      System.arraycopy(unit, 0, all, at, unit.length);
      at += unit.length;
    }
    byte[] message = Arrays.copyOf(all, at + 3);
    message[at] = '0';
    message[at + 1] = ']';
    message[at + 2] = '}';
    try (ControlPeer mallory = Strangers.connect(splicer, MALLORY);
        Descriptor body = Memfd.of("many", message)) {
      for (int i = 0; i < 3; i++) {
        mallory.sendBody(body, List.of());
        assertThat(mallory.refusal()).startsWith("bad-request: message: ");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"[", "{\"a\":", "{\"metadata\":[", "{\"id\":{\"x\":"})
  void deepNestingIsRefused(String open) {
    try (ControlPeer mallory = Strangers.connect(splicer, MALLORY);
        Descriptor body = Memfd.of("deep", open.repeat(MIB).getBytes(StandardCharsets.UTF_8))) {
      mallory.sendBody(body, List.of());
      assertThat(mallory.refusal()).startsWith("bad-request: ");
    }
  }

  @Test
  void collidingNamesAreNoBurden() {
    // All of these have the same String.hashCode.
    StringBuilder names = new StringBuilder("{\"op\":\"stats\",\"id\":1");
    for (int i = 0; i < 1 << 14; i++) {
      names.append(",\"");
      for (int bit = 0; bit < 14; bit++) {
        names.append((i >> bit & 1) == 0 ? "Aa" : "BB");
      }
      names.append("\":0");
    }
    try (ControlPeer mallory = Strangers.connect(splicer, MALLORY)) {
      long begin = System.nanoTime();
      mallory.sendInBody(names.append('}').toString(), List.of());
      mallory.receive().close();
      assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(3 * MOST_MS);
    }
  }

  @Test
  void bodiesOfOneUidDoNotHoldUpAnother() {
    byte[] large = new byte[16 * MIB];
    Arrays.fill(large, (byte) ' ');
    large[0] = '{';
    large[large.length - 1] = '}';
    List<ControlPeer> peers =
        Strangers.connect(
            splicer, List.of("--reuid=" + MALLORY, "--regid=" + MALLORY, "--clear-groups"), 20);
    try (Descriptor body = Memfd.of("large", large)) {
      peers.forEach(peer -> peer.sendBody(body, List.of()));
      long begin = System.nanoTime();
      honest.sendInBody("{\"op\":\"stats\",\"id\":1}", List.of());
      assertThat(honest.answer().getInteger("id")).isEqualTo(1);
      assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(MOST_MS);
      for (ControlPeer peer : peers) {
        assertThat(peer.refusal()).startsWith("bad-request: ");
      }
    } finally {
      peers.forEach(ControlPeer::close);
    }
  }
}
