package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import java.util.ArrayList;
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
