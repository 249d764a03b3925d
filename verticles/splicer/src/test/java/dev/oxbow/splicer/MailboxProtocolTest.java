package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whom events go to, and what becomes of them while nobody takes them. */
@DescriptorLeaks
final class MailboxProtocolTest {
  private ServedSplicer splicer;

  @AfterEach
  void close() {
    splicer.close();
  }

  /** Starts a relay that is over at once; its id. */
  private static String finish(ControlPeer peer) {
    try (StreamPair one = StreamPair.unix();
        StreamPair two = StreamPair.unix()) {
      return peer.splice(one.near(), two.near());
    }
  }

  private static void awaitStat(ControlPeer peer, String name, IntPredicate wanted) {
    Await.until(name + " is right", () -> wanted.test(peer.stats().getInteger(name)));
  }

  private static String relayOf(ControlPeer peer) {
    try (ControlPeer.Incoming event = peer.event()) {
      assertThat(event.descriptors()).hasSize(2);
      return event.json().getString("relay");
    }
  }

  private static long seqOf(ControlPeer peer) {
    try (ControlPeer.Incoming event = peer.event()) {
      return event.json().getLong("seq");
    }
  }

  @Test
  void newestConnectionOfAnAppGetsItsEvents() {
    splicer = ServedSplicer.start();
    try (ControlPeer first = splicer.connect("app");
        ControlPeer second = splicer.connect("app");
        ControlPeer stranger = splicer.connect("other")) {
      String relay = finish(first);
      assertThat(relayOf(second)).isEqualTo(relay);
      assertThat(first.quiet()).isTrue();
      assertThat(stranger.quiet()).isTrue();
    }
  }

  @Test
  void nextNewestTakesThePlaceOfTheOneThatCloses() {
    splicer = ServedSplicer.start();
    try (ControlPeer first = splicer.connect("app")) {
      try (ControlPeer second = splicer.connect("app")) {
        try (ControlPeer third = splicer.connect("app")) {
          String relay = finish(first);
          assertThat(relayOf(third)).isEqualTo(relay);
        }
        awaitStat(first, "connections", n -> n == 2);
        String relay = finish(first);
        assertThat(relayOf(second)).isEqualTo(relay);
      }
      awaitStat(first, "connections", n -> n == 1);
      String relay = finish(first);
      assertThat(relayOf(first)).isEqualTo(relay);
    }
  }

  @Test
  void helloAgainMakesAConnectionTheNewest() {
    splicer = ServedSplicer.start();
    try (ControlPeer first = splicer.connect("app");
        ControlPeer second = splicer.connect("app")) {
      first.hello("app", false);
      String relay = finish(second);
      assertThat(relayOf(first)).isEqualTo(relay);
    }
  }

  @Test
  void eventsWaitWithTheirSocketsWhileTheAppIsAway() {
    splicer = ServedSplicer.start();
    try (StreamPair one = StreamPair.tcp4();
        StreamPair two = StreamPair.unix();
        TestPeer farOne = new TestPeer(one.far());
        ControlPeer watcher = splicer.connect()) {
      String relay;
      try (ControlPeer peer = splicer.connect("app")) {
        relay = peer.splice(one.near(), two.near());
        one.near().close();
        two.near().close();
      }
      watcher.ask("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + relay + "\"}");
      awaitStat(watcher, "mailboxEvents", n -> n == 1);
      assertThat(watcher.stats().getInteger("descriptors")).isEqualTo(2);
      try (ControlPeer peer = splicer.connect("app");
          ControlPeer.Incoming event = peer.event()) {
        assertThat(event.json().getString("relay")).isEqualTo(relay);
        assertThat(event.json().containsKey("seq")).isFalse();
        // Nobody else holds it any more, so this is the socket itself.
        try (TestPeer a = new TestPeer(event.descriptors().get(0).duplicate())) {
          a.write(new byte[] {42});
          assertThat(farOne.read(1)).containsExactly(42);
        }
      }
      awaitStat(watcher, "mailboxes", n -> n == 0);
      awaitStat(watcher, "descriptors", n -> n == 0);
    }
  }

  @Test
  void eventsOfAnAbsentAppComeOnce() {
    splicer = ServedSplicer.start();
    List<String> relays = new ArrayList<>();
    List<StreamPair> pairs = new ArrayList<>();
    try (ControlPeer watcher = splicer.connect()) {
      try (ControlPeer away = splicer.connect("app")) {
        for (int i = 0; i < 100; i++) {
          pairs.add(StreamPair.unix());
          pairs.add(StreamPair.unix());
          relays.add(away.splice(pairs.get(2 * i).near(), pairs.get(2 * i + 1).near()));
        }
      }
      awaitStat(watcher, "connections", n -> n == 1);
      pairs.forEach(StreamPair::close);
      awaitStat(watcher, "mailboxEvents", n -> n == 100);
      try (ControlPeer back = splicer.connect("app")) {
        List<String> came = new ArrayList<>();
        relays.forEach(relay -> came.add(relayOf(back)));
        assertThat(came).containsExactlyInAnyOrderElementsOf(relays);
        awaitStat(watcher, "mailboxEvents", n -> n == 0);
      }
    }
  }

  @Test
  void oldestFallOutOfAFullMailboxAndAreCounted() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setMailboxEvents(3));
    try (ControlPeer watcher = splicer.connect()) {
      List<String> relays = new ArrayList<>();
      try (ControlPeer peer = splicer.connect().hello("app", true)) {
        for (int i = 0; i < 5; i++) {
          relays.add(finish(peer));
          peer.event().close();
        }
      }
      awaitStat(watcher, "connections", n -> n == 1);
      assertThat(watcher.stats().getInteger("mailboxDropped")).isEqualTo(2);
      awaitStat(watcher, "descriptors", n -> n == 6);
      try (ControlPeer peer = splicer.connect("app")) {
        for (String relay : relays.subList(2, 5)) {
          assertThat(relayOf(peer)).isEqualTo(relay);
        }
        assertThat(peer.quiet()).isTrue();
      }
    }
  }

  @Test
  void eventsFallOutWhenTheyAreTooOldAndAreCounted() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setMailboxAgeMs(50));
    try (StreamPair one = StreamPair.tcp4();
        StreamPair two = StreamPair.tcp4();
        TestPeer far = new TestPeer(one.far());
        ControlPeer watcher = splicer.connect()) {
      try (ControlPeer peer = splicer.connect("app")) {
        peer.splice(one.near(), two.near());
      }
      one.near().close();
      two.near().close();
      far.halfClose();
      two.far().close();
      awaitStat(watcher, "mailboxDropped", n -> n == 1);
      awaitStat(watcher, "descriptors", n -> n == 0);
      assertThat(watcher.stats().getInteger("mailboxEvents")).isZero();
      assertThat(watcher.stats().getInteger("mailboxes")).isZero();
      // Nobody was left to take it, so the connection has ended.
      assertThat(far.readAll()).isEmpty();
    }
  }

  @Test
  void unacknowledgedEventsComeAgainWithTheSameSeq() {
    splicer = ServedSplicer.start();
    try (ControlPeer watcher = splicer.connect()) {
      try (ControlPeer peer = splicer.connect().hello("app", true)) {
        for (long seq = 1; seq <= 4; seq++) {
          finish(peer);
          assertThat(seqOf(peer)).isEqualTo(seq);
        }
        assertThat(ack(peer, 2)).isEqualTo("{\"id\":1,\"ok\":true}");
        awaitStat(watcher, "mailboxEvents", n -> n == 2);
        awaitStat(watcher, "descriptors", n -> n == 4);
      }
      for (int attempt = 0; attempt < 2; attempt++) {
        try (ControlPeer peer = splicer.connect().hello("app", true)) {
          assertThat(seqOf(peer)).isEqualTo(3);
          assertThat(seqOf(peer)).isEqualTo(4);
          assertThat(peer.quiet()).isTrue();
        }
      }
      try (ControlPeer peer = splicer.connect().hello("app", true)) {
        assertThat(seqOf(peer)).isEqualTo(3);
        assertThat(seqOf(peer)).isEqualTo(4);
        ack(peer, 4);
        awaitStat(watcher, "descriptors", n -> n == 0);
        assertThat(ack(peer, 4)).isEqualTo("{\"id\":1,\"ok\":true}");
        assertThat(peer.refused("{\"op\":\"ack\",\"id\":1,\"seq\":5}"))
            .startsWith("bad-request: seq");
      }
    }
  }

  private static String ack(ControlPeer peer, long seq) {
    return peer.ask("{\"op\":\"ack\",\"id\":1,\"seq\":" + seq + "}").encode();
  }

  @Test
  void seqOfAnAppNeverStartsAnew() {
    // A client that drops what it has seen by its number would drop other events otherwise.
    splicer = ServedSplicer.start();
    try (ControlPeer watcher = splicer.connect()) {
      try (ControlPeer peer = splicer.connect().hello("app", true)) {
        finish(peer);
        assertThat(seqOf(peer)).isEqualTo(1);
        ack(peer, 1);
      }
      awaitStat(watcher, "mailboxes", n -> n == 0);
      try (ControlPeer peer = splicer.connect().hello("app", true)) {
        // Its answer may have been lost, so it may come again.
        assertThat(ack(peer, 1)).isEqualTo("{\"id\":1,\"ok\":true}");
        finish(peer);
        assertThat(seqOf(peer)).isEqualTo(2);
        ack(peer, 2);
      }
    }
  }

  @Test
  void unacknowledgedEventsGoToTheNextNewestWhenAConnectionCloses() {
    splicer = ServedSplicer.start();
    try (ControlPeer first = splicer.connect().hello("app", true)) {
      try (ControlPeer second = splicer.connect().hello("app", true)) {
        finish(first);
        assertThat(seqOf(second)).isEqualTo(1);
      }
      assertThat(seqOf(first)).isEqualTo(1);
      ack(first, 1);
    }
  }

  @Test
  void eventThatSatInADeadClientsSocketIsNotLost() {
    splicer = ServedSplicer.start();
    String relay;
    try (ControlPeer peer = splicer.connect().hello("app", true)) {
      relay = finish(peer);
      Await.until("the event is in the socket", () -> !peer.quiet());
    }
    try (ControlPeer next = splicer.connect().hello("app", true)) {
      assertThat(relayOf(next)).isEqualTo(relay);
      ack(next, 1);
    }
  }

  @Test
  void connectionWithoutHelloGetsItsOwnEventsOnly() {
    splicer = ServedSplicer.start();
    try (ControlPeer nameless = splicer.connect();
        ControlPeer other = splicer.connect();
        ControlPeer named = splicer.connect("app")) {
      String relay = finish(nameless);
      assertThat(relayOf(nameless)).isEqualTo(relay);
      assertThat(other.quiet()).isTrue();
      assertThat(named.quiet()).isTrue();
    }
  }

  @Test
  void whatWasStartedBeforeHelloStaysWithItsConnection() {
    splicer = ServedSplicer.start();
    try (StreamPair one = StreamPair.unix();
        StreamPair two = StreamPair.unix();
        ControlPeer peer = splicer.connect()) {
      String relay = peer.splice(one.near(), two.near());
      peer.hello("app", true);
      one.far().close();
      two.far().close();
      try (ControlPeer.Incoming event = peer.event()) {
        assertThat(event.json().getString("relay")).isEqualTo(relay);
        assertThat(event.json().containsKey("seq")).isFalse();
      }
    }
  }

  @Test
  void workOfANamelessConnectionGoesOnAndIsThenClosed() {
    splicer = ServedSplicer.start();
    try (StreamPair one = StreamPair.tcp4();
        StreamPair two = StreamPair.tcp4();
        TestPeer farOne = new TestPeer(one.far());
        TestPeer farTwo = new TestPeer(two.far());
        ControlPeer watcher = splicer.connect()) {
      try (ControlPeer peer = splicer.connect()) {
        peer.splice(one.near(), two.near());
      }
      one.near().close();
      two.near().close();
      awaitStat(watcher, "connections", n -> n == 1);
      farOne.write(new byte[] {1});
      assertThat(farTwo.read(1)).containsExactly(1);
      farOne.reset();
      assertThat(readToReset(farTwo)).isTrue();
      awaitStat(watcher, "descriptors", n -> n == 0);
      assertThat(watcher.stats().getInteger("relays")).isZero();
    }
  }

  /** After a reset the other socket is closed with a reset, too, when nobody takes it. */
  private static boolean readToReset(TestPeer peer) {
    try {
      peer.readAll();
      return false;
    } catch (LinuxException e) {
      return e.errno() == Errno.ECONNRESET;
    }
  }

  @Test
  void clientThatDoesNotReadFillsItsOwnMailboxOnly() {
    splicer = ServedSplicer.start();
    List<String> relays = new ArrayList<>();
    List<StreamPair> pairs = new ArrayList<>();
    String metadata = ",\"metadata\":\"" + "m".repeat(3000) + "\"";
    try (ControlPeer watcher = splicer.connect();
        ControlPeer deaf = splicer.connect("deaf");
        ControlPeer other = splicer.connect("other")) {
      for (int i = 0; i < 400; i++) {
        pairs.add(StreamPair.unix());
        pairs.add(StreamPair.unix());
        relays.add(deaf.splice(metadata, pairs.get(2 * i).near(), pairs.get(2 * i + 1).near()));
      }
      pairs.forEach(StreamPair::close);
      awaitStat(watcher, "finished", n -> n == 400);
      assertThat(watcher.stats().getInteger("mailboxEvents")).isGreaterThan(200);
      for (int i = 0; i < 20; i++) {
        long begin = System.nanoTime();
        String relay = finish(other);
        assertThat(relayOf(other)).isEqualTo(relay);
        assertThat(System.nanoTime() - begin).isLessThan(1_000_000_000L);
      }
      List<String> came = new ArrayList<>();
      relays.forEach(relay -> came.add(relayOf(deaf)));
      assertThat(came).containsExactlyInAnyOrderElementsOf(relays);
      assertThat(watcher.stats().getInteger("mailboxDropped")).isZero();
      awaitStat(watcher, "descriptors", n -> n == 0);
    }
  }
}
