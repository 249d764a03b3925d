package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.ControlOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.Strangers;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who may come in, what they see of each other, and the file of the socket. */
@DescriptorLeaks
@RequiresRoot
final class AccessProtocolTest {
  private static final int ALICE = 23_001;
  private static final int BOB = 23_002;
  private static final long GROUP = 23_100;

  private ServedSplicer splicer;

  @AfterEach
  void close() {
    splicer.close();
  }

  private static void allowBoth(OxbowOptions options) {
    options.getControl().setAllowedUids(Set.of((long) ALICE, (long) BOB));
  }

  @Test
  void strangersGetOneErrorAndAreClosed() {
    splicer = ServedSplicer.start(options -> options.getControl().setAllowedUids(Set.of(4L)));
    try (ControlPeer peer = Strangers.connect(splicer, ALICE)) {
      try (ControlPeer.Incoming error = peer.receive()) {
        assertThat(error.error()).isEqualTo("not-authorized");
        assertThat(error.json().containsKey("id")).isTrue();
        assertThat(error.json().getValue("id")).isNull();
      }
      peer.awaitEnd();
    }
  }

  @Test
  void strangersThatHaveAlreadyAskedGetTheErrorToo() {
    // A close with unread data would be told as ECONNRESET before the error.
    splicer = ServedSplicer.start();
    for (int i = 0; i < 5; i++) {
      String hello = "{\"op\":\"hello\",\"id\":1,\"app\":\"a\"}";
      try (ControlPeer peer = Strangers.connectAndSend(splicer, ALICE, hello)) {
        assertThat(peer.refusal()).startsWith("not-authorized: ");
        peer.awaitEnd();
      }
    }
  }

  @Test
  void allowedUidMayComeIn() {
    splicer = ServedSplicer.start(AccessProtocolTest::allowBoth);
    try (ControlPeer peer = Strangers.connect(splicer, ALICE)) {
      peer.hello("app", false);
    }
  }

  @Test
  void allowedGroupMayComeInAsPrimaryOrSupplementaryOne() {
    splicer = ServedSplicer.start(options -> options.getControl().setAllowedGids(Set.of(GROUP)));
    String uid = "--reuid=" + ALICE;
    for (List<String> identity :
        List.of(
            List.of(uid, "--regid=" + GROUP, "--clear-groups"),
            List.of(uid, "--regid=" + ALICE, "--groups=5," + GROUP + ",7"),
            List.of(uid, "--regid=" + ALICE, "--groups=" + manyGroups() + "," + GROUP))) {
      try (ControlPeer peer = Strangers.connect(splicer, identity, 1).get(0)) {
        peer.hello("app", false);
      }
    }
    try (ControlPeer peer = Strangers.connect(splicer, ALICE)) {
      assertThat(peer.refusal()).startsWith("not-authorized: ");
    }
  }

  private static String manyGroups() {
    return IntStream.range(1, 1000).mapToObj(String::valueOf).collect(Collectors.joining(","));
  }

  @Test
  void relaysOfOthersAreNotFoundButByRoot() {
    splicer = ServedSplicer.start(AccessProtocolTest::allowBoth);
    try (StreamPair one = StreamPair.unix();
        StreamPair two = StreamPair.unix();
        ControlPeer alice = Strangers.connect(splicer, ALICE).hello("app", false);
        ControlPeer second = Strangers.connect(splicer, ALICE).hello("second", false);
        ControlPeer bob = Strangers.connect(splicer, BOB).hello("app", false);
        ControlPeer root = splicer.connect("app")) {
      String relay = alice.splice(one.near(), two.near());
      String abort = "{\"op\":\"abort\",\"id\":1,\"relay\":\"" + relay + "\"}";
      for (ControlPeer other : List.of(second, bob)) {
        assertThat(other.ask("{\"op\":\"list\",\"id\":1}").getJsonArray("relays")).isEmpty();
        assertThat(other.refused(abort)).startsWith("not-found: ");
      }
      assertThat(alice.ask("{\"op\":\"list\",\"id\":1}").getJsonArray("relays")).hasSize(1);
      assertThat(root.ask("{\"op\":\"list\",\"id\":1}").getJsonArray("relays")).hasSize(1);
      assertThat(root.ask(abort).getBoolean("ok")).isTrue();
      try (ControlPeer.Incoming event = alice.event()) {
        assertThat(event.json().getString("reason")).isEqualTo("aborted");
      }
      assertThat(bob.quiet() && second.quiet() && root.quiet()).isTrue();
    }
  }

  @Test
  void mailboxBelongsToUidAndApp() {
    splicer = ServedSplicer.start(AccessProtocolTest::allowBoth);
    try (ControlPeer root = splicer.connect()) {
      try (StreamPair one = StreamPair.unix();
          StreamPair two = StreamPair.unix();
          ControlPeer alice = Strangers.connect(splicer, ALICE).hello("app", false)) {
        alice.splice(one.near(), two.near());
      }
      Await.until("it waits", () -> root.stats().getInteger("mailboxEvents") == 1);
      try (ControlPeer bob = Strangers.connect(splicer, BOB).hello("app", false);
          ControlPeer own = splicer.connect("app")) {
        assertThat(bob.stats().getInteger("mailboxEvents")).isEqualTo(1);
        assertThat(own.stats().getInteger("mailboxEvents")).isEqualTo(1);
      }
      try (ControlPeer alice = Strangers.connect(splicer, ALICE).hello("app", false)) {
        alice.event().close();
      }
    }
  }

  @Test
  void quotasCountPerUid() {
    splicer =
        ServedSplicer.start(
            options -> {
              allowBoth(options);
              options.getQuotas().setRelays(1);
              options.getQuotas().setPerUid(BOB, new QuotaOptions().setRelays(2));
            });
    try (Pairs pairs = new Pairs(5);
        ControlPeer alice = Strangers.connect(splicer, ALICE);
        ControlPeer bob = Strangers.connect(splicer, BOB)) {
      String splice = "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]}";
      alice.splice(pairs.left(0), pairs.right(0));
      assertThat(alice.refused(splice, pairs.left(1), pairs.right(1)))
          .startsWith("quota-exceeded: ")
          .contains("relays");
      bob.splice(pairs.left(1), pairs.right(1));
      bob.splice(pairs.left(2), pairs.right(2));
      assertThat(bob.refused(splice, pairs.left(3), pairs.right(3))).startsWith("quota-exceeded: ");
    }
    try (ControlPeer root = splicer.connect()) {
      Await.until("all is closed", () -> root.stats().getInteger("descriptors") == 0);
    }
  }

  /** Pairs of pairs. */
  private static final class Pairs implements AutoCloseable {
    private final List<StreamPair> pairs;

    Pairs(int count) {
      pairs = Stream.generate(StreamPair::unix).limit(2L * count).toList();
    }

    Descriptor left(int i) {
      return pairs.get(2 * i).near();
    }

    Descriptor right(int i) {
      return pairs.get(2 * i + 1).near();
    }

    @Override
    public void close() {
      pairs.forEach(StreamPair::close);
    }
  }

  @Test
  void socketHasItsModeAndGroupFromTheStart() throws IOException {
    splicer =
        ServedSplicer.start(
            options ->
                options.getControl().setSocketMode(0620).setSocketGroup(String.valueOf(GROUP)));
    assertThat((int) Files.getAttribute(splicer.socket(), "unix:mode") & 07777).isEqualTo(0620);
    assertThat(Files.getAttribute(splicer.socket(), "unix:gid")).isEqualTo((int) GROUP);
  }

  @Test
  void socketIsForOwnerAndGroupByDefault() throws IOException {
    splicer = ServedSplicer.start(options -> options.setControl(new ControlOptions()));
    assertThat((int) Files.getAttribute(splicer.socket(), "unix:mode") & 07777).isEqualTo(0660);
  }
}
