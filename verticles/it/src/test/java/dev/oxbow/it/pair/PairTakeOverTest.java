package dev.oxbow.it.pair;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.fish.session.Transfer;
import dev.oxbow.service.testing.ControlPeer;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Live connections go on at the other node, whatever becomes of the process of the first one. */
@DescriptorLeaks
@RequiresRoot
@Timeout(180)
class PairTakeOverTest {
  private static final int CHATS = 100;
  private static final int LONG = 64 << 20;
  private static final String NAME = "client";

  /** Two new nodes have ports sooner than by default, and know a silent one sooner for lost. */
  private static final String TIMES = ", lostMs: 3000, quarantineMs: 1000";

  @TempDir Path folder;
  private PairWorld world;
  private Chats chats;

  @BeforeEach
  void open() throws IOException {
    world = new PairWorld(folder).start(TIMES);
    world.until(
        "what was lent before is known",
        () -> {},
        () -> world.one.blocks("unknown") == 0 && world.two.blocks("unknown") == 0);
    chats = new Chats(world.client, world.internet, PairWorld.SERVER);
  }

  @AfterEach
  void close() throws IOException {
    chats.close();
    world.close();
  }

  /** Opens the client's session at a node, as soon as that may be; how many connections go on. */
  private Edge.Opened session(Edge node) {
    Edge.Opened[] last = new Edge.Opened[1];
    world.until(
        "the session is open",
        () -> {},
        () -> {
          last[0] = node.open(NAME, world.tun.descriptor());
          if (!last[0].isOpen()) {
            assertThat(last[0].answer().getJsonObject("error").getString("code"))
                .isEqualTo("unavailable");
          }
          return last[0].isOpen();
        });
    return last[0];
  }

  private static String refused(Edge.Opened opened) {
    assertThat(opened.isOpen()).isFalse();
    return opened.answer().getJsonObject("error").getString("message");
  }

  private void awaitKept(Edge node, int count) {
    world.until(count + " are kept", () -> {}, () -> node.flows("kept") == count);
  }

  /** Entries of Fish that the kernel of a node has. */
  private static String entries(Edge node) {
    return EgressStage.in(node.namespace, "conntrack -L -m 3861 2>&1");
  }

  @Test
  void killedNodesConnectionsGoOnAndItComesBackWithoutThem() throws Exception {
    assertThat(session(world.one).resumed()).isZero();
    chats.open(CHATS + 1);
    List<SocketAddress> before = chats.sources();
    awaitKept(world.two, CHATS + 1);
    assertThat(world.one.flows("replicated")).isEqualTo(CHATS + 1);
    assertThat(refused(world.two.open(NAME, world.tun.descriptor())))
        .isEqualTo("the partner has a session of that name, and is not held for lost");
    Transfer download = chats.download(CHATS, LONG);
    world.until("it is under way", () -> {}, () -> download.received() > LONG / 16);

    world.one.kill();
    world.route(world.two);
    assertThat(session(world.two).resumed()).isEqualTo(CHATS + 1);
    chats.exchange();
    download.join();
    System.out.printf(
        "pair: killed, %d connections go on, the longest stall of a download %d ms%n",
        CHATS + 1, TimeUnit.NANOSECONDS.toMillis(download.longestNanos()));
    assertThat(chats.sources()).isEqualTo(before.subList(0, CHATS));
    assertThat(world.two.flows("takenOver")).isEqualTo(CHATS + 1);
    assertThat(world.two.flows("refused")).isZero();

    assertThat(entries(world.one)).doesNotContain(": 0 flow entries");
    world.startAgain(world.one, TIMES);
    world.awaitPresent(world.one, world.two);
    assertThat(entries(world.one)).contains(": 0 flow entries");
    assertThat(refused(world.one.open(NAME, world.tun.descriptor())))
        .isEqualTo("the partner has a session of that name, and is not held for lost");
    awaitKept(world.one, CHATS + 1);
    chats.exchange();

    // And back, by an orderly end.
    world.two.process().stopServing();
    world.route(world.one);
    assertThat(session(world.one).resumed()).isGreaterThanOrEqualTo(CHATS);
    chats.exchange();
    world.assertNoTrouble();
  }

  @Test
  void upgradesOfOneNodeAndOfBothAreNoLossAndLoseNothing() throws Exception {
    session(world.one);
    chats.open(CHATS + 1);
    List<SocketAddress> before = chats.sources();
    awaitKept(world.two, CHATS + 1);
    Transfer download = chats.download(CHATS, LONG);
    upgrade(world.one);
    upgrade(world.two);
    upgrade(world.one, world.two);
    download.join();
    assertThat(chats.sources()).isEqualTo(before.subList(0, CHATS));
    for (Edge node : List.of(world.one, world.two)) {
      assertThat(node.process().log()).doesNotContain("the partner is lost");
      assertThat(node.flows("takenOver") + node.flows("gone")).isZero();
    }

    // What the successors know is what there is.
    world.one.kill();
    world.route(world.two);
    assertThat(session(world.two).resumed()).isGreaterThanOrEqualTo(CHATS);
    chats.exchange();
    world.assertNoTrouble();
  }

  private void upgrade(Edge... nodes) throws Exception {
    ProcessHandle[] before = new ProcessHandle[nodes.length];
    for (int i = 0; i < nodes.length; i++) {
      before[i] = nodes[i].process().serving();
      nodes[i].process().hangUp();
    }
    for (int i = 0; i < nodes.length; i++) {
      nodes[i].process().awaitSuccessorOf(before[i]);
      chats.exchange();
    }
    world.awaitPresent(world.one, world.two);
    chats.exchange();
  }

  @Test
  void nodeThatStoodStillLearnsWhatHasGoneBeforeAnythingLeaves() throws Exception {
    Edge.Opened stopped = session(world.one);
    chats.open(CHATS);
    awaitKept(world.two, CHATS);

    world.one.signal("STOP");
    world.until("it is held for lost", () -> {}, () -> world.two.partner().equals("lost"));
    world.route(world.two);
    assertThat(session(world.two).resumed()).isEqualTo(CHATS);
    chats.exchange();
    EgressStage.in(
        world.internet,
        "nft 'table ip seen { chain in { type filter hook prerouting priority -300; iifname in1"
            + " ip saddr 203.0.113.0/24 counter; }; }'");
    world.one.signal("CONT");
    // Both have the client's flow now: whatever the first one took out of it would be missing.
    world.until(
        "it knows",
        () -> {
          try {
            chats.exchange();
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        },
        () -> world.one.flows("gone") == CHATS);
    try (ControlPeer.Incoming closed = stopped.caller().event()) {
      assertThat(closed.json().getString("reason")).isEqualTo("error");
      assertThat(closed.json().getString("errno")).isEqualTo("ESTALE");
    }
    chats.exchange();
    assertThat(EgressStage.in(world.internet, "nft list table ip seen")).contains("packets 0 ");
    assertThat(entries(world.one)).contains(": 0 flow entries");
    world.assertNoTrouble();
  }

  @Test
  void connectionsOfANodeDoNotMindWhatBecomesOfTheOther() throws Exception {
    session(world.one);
    chats.open(CHATS);
    world.two.signal("STOP");
    world.until("it is held for lost", this::talk, () -> world.one.partner().equals("lost"));
    chats.open(10);
    world.two.signal("CONT");
    world.until("it is back", this::talk, () -> world.one.partner().equals("present"));
    world.two.kill();
    world.until("it is held for lost", this::talk, () -> world.one.partner().equals("lost"));
    chats.open(10);
    talk();
    assertThat(world.one.flows("gone")).isZero();
    world.assertNoTrouble();
  }

  private void talk() {
    try {
      chats.exchange();
    } catch (IOException e) {
      throw new AssertionError(world.toString(), e);
    }
  }
}
