package dev.oxbow.pair.link;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fish.partner.PartnerLink;
import dev.oxbow.fish.partner.PartnerLink.Kind;
import dev.oxbow.fish.partner.PartnerLink.Listener;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who is no partner is refused with a sentence, and whoever misses something begins anew. */
@DescriptorLeaks
class LinkTest {
  private static final String SECRET = "a common secret";

  private final TestWires wires = new TestWires();
  private final List<Link> links = new ArrayList<>();

  @AfterEach
  void close() {
    links.forEach(TestWires::close);
  }

  private Link open(Introduction own, @Nullable String secret) {
    Link link = new Link(wires::open, own, secret, new Random());
    links.add(link);
    link.start();
    return link;
  }

  private Link good(boolean first) {
    return open(TestWires.node(first), SECRET);
  }

  private static void awaitRefused(Link link, String why) {
    Await.until("refused", () -> link.refused() != null);
    assertThat(link.refused()).isEqualTo(why);
    assertThat(link.isUp()).isFalse();
  }

  /** What a link tells from here on. */
  private static List<String> heardBy(Link link) {
    List<String> heard = new CopyOnWriteArrayList<>();
    link.listen(
        Kind.FLOWS,
        new Listener() {
          @Override
          public void up() {
            heard.add("up");
          }

          @Override
          public void down() {
            heard.add("down");
          }

          @Override
          public void gone() {
            heard.add("gone");
          }

          @Override
          public void received(byte[] bytes) {
            heard.add(Arrays.toString(bytes));
          }
        });
    return heard;
  }

  private static void awaitUp(Link... all) {
    for (Link link : all) {
      Await.until("the link is up", link::isUp);
      assertThat(link.refused()).isNull();
    }
  }

  @Test
  void twoOfTheSameHalfRefuseOneAnother() {
    Link one = good(true);
    Link other = open(new Introduction("edge-9", "0.1.0", true, TestWires.GRANTS, 100, 10), SECRET);
    awaitRefused(one, "edge-9 says home: first, as this node does: one is first, the other second");
    awaitRefused(
        other, "edge-1 says home: first, as this node does: one is first, the other second");
  }

  @Test
  void whoIsHeldForDeadIsGoneAndComesBack() {
    Link one = good(true);
    List<String> heard = heardBy(one);
    // Nobody has been there yet.
    wires.removeAll();
    awaitUp(one, good(false));
    wires.removeAll();
    Await.until("it is there again", () -> heard.size() == 4);
    assertThat(heard).containsExactly("up", "down", "gone", "up");
  }

  @Test
  void otherGrantsAreRefused() {
    Link one = good(true);
    open(new Introduction("edge-2", "0.1.0", false, "203.0.113.7 20000-20998", 100, 10), SECRET);
    awaitRefused(
        one,
        "edge-2 is granted 203.0.113.7 20000-20998 in fish.egress, this node"
            + " 203.0.113.7 20000-20999: both need the same");
  }

  @Test
  void otherSizesAreRefused() {
    Link one = good(true);
    open(new Introduction("edge-2", "0.1.0", false, TestWires.GRANTS, 101, 10), SECRET);
    awaitRefused(one, "edge-2 has fish.maxFlows 101, this node 100: both need the same");
    assertThat(
            TestWires.node(true)
                .against(new Introduction("edge-2", "0.1.0", false, TestWires.GRANTS, 100, 9)))
        .isEqualTo("edge-2 has fish.maxSessions 9, this node 10: both need the same");
  }

  @Test
  void anotherSecretIsRefusedAndNoneToo() {
    Link one = good(true);
    Link other = open(TestWires.node(false), null);
    String why = "a node of this cluster has another fish.pair.secret: both need the same";
    awaitRefused(one, why);
    awaitRefused(other, why);
  }

  @Test
  void anotherVersionIsRefusedAndTheRightOneTakenLater() {
    Link one = good(true);
    Wire older = wires.open(frame -> {}, () -> {});
    byte[] frame = new byte[100];
    frame[0] = 2;
    Await.until(
        "it was heard",
        () -> {
          older.send(frame);
          return one.refused() != null;
        });
    assertThat(one.refused())
        .isEqualTo(
            "a node of this cluster speaks version 2 of the link, this node 1: upgrade the older"
                + " one");
    older.close();
    awaitUp(one, good(false));
  }

  @Test
  void strangersDoNoHarmToALinkThatIsUp() {
    Link one = good(true);
    Link other = good(false);
    awaitUp(one, other);
    List<String> byOne = heardBy(one);
    List<String> byOther = heardBy(other);
    Link third =
        open(new Introduction("edge-3", "0.1.0", false, TestWires.GRANTS, 100, 10), SECRET);
    awaitRefused(
        third, "edge-2 says home: second, as this node does: one is first, the other" + " second");
    Link mute = open(TestWires.node(false), "some other secret");
    awaitRefused(mute, "a node of this cluster has another fish.pair.secret: both need the same");
    wires.open(bytes -> {}, () -> {}).send(new byte[] {1, 2, 3});
    assertThat(one.send(Kind.FLOWS, new byte[] {7})).isTrue();
    assertThat(other.send(Kind.FLOWS, new byte[] {8})).isTrue();
    Await.until("both have heard", () -> byOne.contains("[8]") && byOther.contains("[7]"));
    assertThat(byOne).containsExactly("up", "[8]");
    assertThat(byOther).containsExactly("up", "[7]");
    assertThat(one.partner()).isEqualTo(TestWires.node(false));
  }

  @Test
  void itsOwnFramesAreNoPartner() {
    wires.echo();
    AtomicInteger frames = new AtomicInteger();
    wires.lose(frame -> frames.incrementAndGet() < 0);
    Link one = good(true);
    Await.until("some have come back", () -> frames.get() > 5);
    assertThat(one.refused()).isNull();
    assertThat(one.isUp()).isFalse();
    Link other = good(false);
    awaitUp(one, other);
    List<String> heard = heardBy(other);
    assertThat(one.send(Kind.FLOWS, new byte[] {9})).isTrue();
    Await.until("it has come", () -> heard.contains("[9]"));
    assertThat(heard).containsExactly("up", "[9]");
  }

  @Test
  void messageThatIsLostMakesBothBeginAnew() {
    Link one = good(true);
    Link other = good(false);
    List<String> heard = heardBy(other);
    awaitUp(one, other);
    wires.lose(frame -> frame[1] == Kind.FLOWS.code());
    assertThat(one.send(Kind.FLOWS, new byte[] {1})).isTrue();
    Await.until("it is missed", () -> heard.contains("down"));
    wires.lose(null);
    awaitUp(one, other);
    Await.until("it is heard", () -> heard.size() >= 3);
    Await.until("another gets through", () -> one.send(Kind.FLOWS, new byte[] {2}));
    Await.until("it has come", () -> heard.contains("[2]"));
    assertThat(heard).doesNotContain("[1]").startsWith("up", "down", "up");
    Await.until("all is acknowledged", () -> one.underWayBytes() == 0);
  }

  @Test
  void partnerThatIsAnotherProcessByNowIsTakenAtOnce() {
    Link one = good(true);
    Link before = good(false);
    awaitUp(one, before);
    wires.lose(frame -> frame[1] == (byte) Frame.FAREWELL);
    links.remove(before);
    TestWires.close(before);
    awaitUp(one, good(false));
  }

  /** A member of a cluster may take many seconds to come up. */
  @Test
  void wireThatIsBeingOpenedIsNotWaitedForAndIsClosedWhenItIsThere() throws InterruptedException {
    CountDownLatch opening = new CountDownLatch(1);
    CountDownLatch comesUp = new CountDownLatch(1);
    CompletableFuture<String> late = new CompletableFuture<>();
    Wire.Opener slow =
        (receiver, left) -> {
          opening.countDown();
          try {
            comesUp.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException("it was to wait", e);
          }
          return new Wire() {
            @Override
            public void send(byte[] frame) {}

            @Override
            public void close() {
              late.complete("closed");
            }
          };
        };
    Link link = new Link(slow, TestWires.node(true), SECRET, new Random());
    link.start();
    opening.await();
    TestWires.close(link);
    assertThat(late).isNotDone();
    comesUp.countDown();
    assertThat(late.orTimeout(10, TimeUnit.SECONDS).join()).isEqualTo("closed");
  }

  @Test
  void loansHaveRoomWhereConnectionsHaveNone() {
    Link one = good(true);
    awaitUp(one, good(false));
    wires.lose(frame -> true);
    byte[] most = new byte[PartnerLink.MAX_BYTES];
    int sent = 0;
    while (one.send(Kind.FLOWS, most)) {
      sent++;
    }
    assertThat(one.isUp()).isTrue();
    assertThat(sent).isEqualTo((16 << 20) / most.length);
    assertThat(one.send(Kind.LOANS, most)).isTrue();
    assertThat(one.send(Kind.FLOWS, new byte[1])).isFalse();
  }
}
