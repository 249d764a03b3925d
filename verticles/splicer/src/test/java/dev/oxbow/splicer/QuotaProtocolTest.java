package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What one uid may hold, and that it gets it again when it has given it back. */
@DescriptorLeaks
final class QuotaProtocolTest {
  private static final String SPLICE = "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]}";

  private ServedSplicer splicer;
  private final List<StreamPair> pairs = new ArrayList<>();

  @AfterEach
  void close() {
    pairs.forEach(StreamPair::close);
    splicer.close();
  }

  private Descriptor socket() {
    pairs.add(StreamPair.unix());
    return pairs.get(pairs.size() - 1).near();
  }

  @Test
  void relaysAreBounded() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setRelays(2));
    try (ControlPeer peer = splicer.connect("app")) {
      peer.splice(socket(), socket());
      String last = peer.splice(socket(), socket());
      Descriptor a = socket();
      Descriptor b = socket();
      assertThat(peer.refused(SPLICE, a, b)).startsWith("quota-exceeded: ").contains("relays");
      peer.ask("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + last + "\"}");
      peer.event().close();
      peer.splice(a, b);
      assertThat(peer.stats().getInteger("relays")).isEqualTo(2);
    }
  }

  @Test
  void descriptorsAreBounded() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setDescriptors(5));
    try (ControlPeer peer = splicer.connect().hello("app", true)) {
      peer.splice(socket(), socket());
      String last = peer.splice(socket(), socket());
      Descriptor a = socket();
      Descriptor b = socket();
      assertThat(peer.refused(SPLICE, a, b)).startsWith("quota-exceeded: ").contains("descriptors");
      // An event that nobody has acknowledged holds its sockets.
      peer.ask("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + last + "\"}");
      peer.event().close();
      assertThat(peer.refused(SPLICE, a, b)).startsWith("quota-exceeded: ");
      peer.ask("{\"op\":\"ack\",\"id\":1,\"seq\":1}");
      Await.until("they are closed", () -> peer.stats().getInteger("descriptors") == 2);
      peer.splice(a, b);
    }
  }

  @Test
  void whatWasRefusedIsNotCounted() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setDescriptors(4));
    try (ControlPeer peer = splicer.connect("app")) {
      Descriptor a = socket();
      for (int i = 0; i < 100; i++) {
        assertThat(peer.refused(SPLICE, a, a)).doesNotContain("internal");
      }
      Await.until("all is closed", () -> peer.stats().getInteger("descriptors") == 0);
      peer.splice(a, socket());
    }
  }

  @Test
  void connectionsAreBounded() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setConnections(2));
    try (ControlPeer first = splicer.connect("app")) {
      try (ControlPeer second = splicer.connect("app");
          ControlPeer third = splicer.connect()) {
        try (ControlPeer.Incoming error = third.receive()) {
          assertThat(error.error()).isEqualTo("quota-exceeded");
          assertThat(error.why()).contains("connections");
        }
        third.awaitEnd();
        assertThat(second.stats().getInteger("connections")).isEqualTo(2);
      }
      Await.until("the second has gone", () -> first.stats().getInteger("connections") == 1);
      try (ControlPeer next = splicer.connect("app")) {
        assertThat(next.stats()).isNotNull();
      }
    }
  }

  private static String metadata(int bytes) {
    return ",\"metadata\":\"" + "m".repeat(bytes - 2) + "\"";
  }

  private static String preludeToA(int bytes) {
    String base64 = Base64.getEncoder().encodeToString(new byte[bytes]);
    return ",\"prelude\":{\"toA\":\"" + base64 + "\"}";
  }

  private static int heldBytes(ControlPeer peer) {
    return peer.stats().getInteger("heldBytes");
  }

  @Test
  void metadataIsHeldUntilItsEventIsGone() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setHeldBytes(65_536));
    try (ControlPeer peer = splicer.connect().hello("app", true)) {
      String first = peer.splice(metadata(30_000), socket(), socket());
      peer.splice(metadata(30_000), socket(), socket());
      assertThat(heldBytes(peer)).isEqualTo(60_000);
      Descriptor a = socket();
      Descriptor b = socket();
      String third = SPLICE.replace("}", metadata(5_537) + "}");
      assertThat(peer.refused(third, a, b))
          .startsWith("quota-exceeded: heldBytes: ")
          .endsWith("65536");
      peer.ask("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + first + "\"}");
      peer.event().close();
      // What was not acknowledged is kept.
      assertThat(peer.refused(third, a, b)).startsWith("quota-exceeded: heldBytes: ");
      assertThat(heldBytes(peer)).isEqualTo(60_000);
      peer.ask("{\"op\":\"ack\",\"id\":1,\"seq\":1}");
      assertThat(heldBytes(peer)).isEqualTo(30_000);
      peer.splice(metadata(5_537), a, b);
    }
    try (ControlPeer watcher = splicer.connect()) {
      assertThat(heldBytes(watcher)).isEqualTo(35_537);
    }
  }

  @Test
  void eventsThatFallOutHoldNoBytesAnyMore() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setMailboxEvents(1));
    try (ControlPeer watcher = splicer.connect()) {
      try (ControlPeer peer = splicer.connect("app")) {
        peer.splice(metadata(100), socket(), socket());
        peer.splice(metadata(200), socket(), socket());
        assertThat(heldBytes(peer)).isEqualTo(300);
      }
      Await.until("it has gone", () -> watcher.stats().getInteger("connections") == 1);
      pairs.get(0).far().close();
      pairs.get(1).far().close();
      Await.until("one is over", () -> watcher.stats().getInteger("finished") == 1);
      assertThat(heldBytes(watcher)).isEqualTo(300);
      pairs.get(2).far().close();
      pairs.get(3).far().close();
      Await.until("both are", () -> watcher.stats().getInteger("mailboxDropped") == 1);
      assertThat(heldBytes(watcher)).isEqualTo(200);
      try (ControlPeer peer = splicer.connect("app")) {
        peer.event().close();
        assertThat(heldBytes(watcher)).isZero();
      }
    }
  }

  @Test
  void preludeAndItsPipeAreHeldUntilItIsWritten() {
    splicer =
        ServedSplicer.start(options -> options.getQuotas().setHeldBytes(65_536).setDescriptors(8));
    try (ControlPeer peer = splicer.connect("app")) {
      StreamPair full = StreamPair.unix();
      pairs.add(full);
      TestPeer near = new TestPeer(full.near());
      near.fill();
      peer.splice(preludeToA(40_000), full.near(), socket());
      assertThat(heldBytes(peer)).isEqualTo(40_000 + 4);
      assertThat(peer.stats().getInteger("descriptors")).isEqualTo(4);
      Descriptor a = socket();
      Descriptor b = socket();
      assertThat(peer.refused(SPLICE.replace("}", preludeToA(30_000) + "}"), a, b))
          .startsWith("quota-exceeded: heldBytes: ");
      Await.until("those are closed", () -> peer.stats().getInteger("descriptors") == 4);
      peer.splice(a, b);
      assertThat(peer.refused(SPLICE.replace("}", preludeToA(1) + "}"), socket(), socket()))
          .startsWith("quota-exceeded: ")
          .contains("descriptors");
      Await.until("those are closed too", () -> peer.stats().getInteger("descriptors") == 6);
      assertThat(heldBytes(peer)).isEqualTo(40_000 + 8);
      TestPeer far = new TestPeer(full.far());
      Await.until(
          "it was written",
          () -> {
            far.tryRead();
            return heldBytes(peer) == 8;
          });
      assertThat(peer.stats().getInteger("descriptors")).isEqualTo(4);
    }
  }

  @Test
  void undeliveredBytesAreHeldWithTheirEvent() {
    splicer = ServedSplicer.start();
    try (ControlPeer peer = splicer.connect().hello("app", true)) {
      StreamPair full = StreamPair.unix();
      pairs.add(full);
      new TestPeer(full.near()).fill();
      String relay = peer.splice(preludeToA(1000), full.near(), socket());
      peer.ask("{\"op\":\"abort\",\"id\":1,\"relay\":\"" + relay + "\"}");
      try (ControlPeer.Incoming event = peer.event()) {
        assertThat(event.json().getJsonObject("undelivered").getInteger("bToA")).isEqualTo(1000);
      }
      assertThat(heldBytes(peer)).isEqualTo(1000 + 4);
      assertThat(peer.stats().getInteger("descriptors")).isEqualTo(3);
      peer.ask("{\"op\":\"ack\",\"id\":1,\"seq\":1}");
      assertThat(heldBytes(peer)).isZero();
    }
  }

  @Test
  void metadataIsBounded() {
    splicer = ServedSplicer.start(options -> options.getQuotas().setMetadataBytes(64));
    try (ControlPeer peer = splicer.connect("app")) {
      String most = "\"" + "m".repeat(62) + "\"";
      String more = "\"" + "m".repeat(63) + "\"";
      String wide = "\"" + "é".repeat(32) + "\"";
      Descriptor a = socket();
      Descriptor b = socket();
      for (String metadata : List.of(more, wide)) {
        String request = SPLICE.replace("}", ",\"metadata\":" + metadata + "}");
        assertThat(peer.refused(request, a, b)).startsWith("bad-request: metadata");
      }
      peer.splice(",\"metadata\":" + most, a, b);
    }
  }
}
