package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The end of a service, in order and at its start. */
@DescriptorLeaks
final class StopProtocolTest {
  private ServedSplicer splicer;
  private final List<StreamPair> pairs = new ArrayList<>();

  @AfterEach
  void close() {
    pairs.forEach(StreamPair::close);
    if (splicer != null) {
      splicer.close();
    }
  }

  private Descriptor socket() {
    pairs.add(StreamPair.tcp4());
    return pairs.get(pairs.size() - 1).near();
  }

  @Test
  void connectedAppsGetTheirRelaysBackAsAborted() {
    splicer = ServedSplicer.start();
    try (ControlPeer one = splicer.connect("one");
        ControlPeer two = splicer.connect().hello("two", true);
        ControlPeer nameless = splicer.connect()) {
      for (ControlPeer peer : List.of(one, two, nameless)) {
        Set<String> relays = new HashSet<>();
        for (int i = 0; i < 20; i++) {
          relays.add(peer.splice(socket(), socket()));
        }
        assertThat(relays).hasSize(20);
      }
      EpollVertx.await(splicer.undeploy());
      for (ControlPeer peer : List.of(one, two, nameless)) {
        for (int i = 0; i < 20; i++) {
          try (ControlPeer.Incoming event = peer.event()) {
            assertThat(event.json().getString("reason")).isEqualTo("aborted");
            assertThat(event.descriptors()).hasSize(2);
          }
        }
        peer.awaitEnd();
      }
    }
    try (TestPeer near = new TestPeer(pairs.get(0).near().duplicate());
        TestPeer far = new TestPeer(pairs.get(0).far().duplicate())) {
      far.write(new byte[] {1});
      assertThat(near.read(1)).containsExactly(1);
    }
    assertThat(Files.exists(splicer.socket())).isFalse();
  }

  @Test
  void newWorkIsUnavailableWhileItStops() {
    splicer = ServedSplicer.start();
    try (ControlPeer peer = splicer.connect("app")) {
      TestPeer full = new TestPeer(socket());
      full.fill();
      // What was read and cannot be delivered holds the stop up for a second.
      peer.splice(",\"prelude\":{\"toA\":\"QQ==\"}", full.socket(), socket());
      Future<Void> stopped = splicer.undeploy();
      Descriptor a = socket();
      Descriptor b = socket();
      String splice = "{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]}";
      List<JsonObject> events = new ArrayList<>();
      Await.until(
          "new work is refused",
          () -> {
            peer.send(splice, a, b);
            return answer(peer, events).error().equals("unavailable");
          });
      peer.send("{\"op\":\"list\",\"id\":1}");
      assertThat(answer(peer, events).json().getBoolean("ok")).isTrue();
      EpollVertx.await(stopped);
      while (events.stream().noneMatch(event -> event.containsKey("undelivered"))) {
        try (ControlPeer.Incoming event = peer.event()) {
          events.add(event.json());
        }
      }
      assertThat(events)
          .allSatisfy(event -> assertThat(event.getString("reason")).isEqualTo("aborted"));
    }
  }

  /** The next answer; events before it are put aside. */
  private static ControlPeer.Incoming answer(ControlPeer peer, List<JsonObject> events) {
    while (true) {
      try (ControlPeer.Incoming incoming = peer.receive()) {
        if (!incoming.json().containsKey("event")) {
          return incoming;
        }
        events.add(incoming.json());
      }
    }
  }

  @Test
  void relaysOfAbsentAppsAreClosed() {
    splicer = ServedSplicer.start();
    try (ControlPeer peer = splicer.connect("away")) {
      peer.splice(socket(), socket());
    }
    pairs.forEach(pair -> pair.near().close());
    EpollVertx.await(splicer.undeploy());
    try (TestPeer far = new TestPeer(pairs.get(0).far().duplicate())) {
      assertThat(far.readAll()).isEmpty();
    }
  }

  @Test
  void appThatDoesNotReadHoldsTheStopUpForABoundedTime() {
    splicer = ServedSplicer.start();
    try (ControlPeer deaf = splicer.connect("deaf")) {
      for (int i = 0; i < 150; i++) {
        deaf.splice(",\"metadata\":\"" + "m".repeat(3000) + "\"", socket(), socket());
      }
      long begin = System.nanoTime();
      EpollVertx.await(splicer.undeploy());
      assertThat(System.nanoTime() - begin).isLessThan(5_000_000_000L);
    }
  }

  @Test
  void bodyThatIsStillReadDoesNotOutliveTheService() {
    splicer = ServedSplicer.start();
    try (ControlPeer peer = splicer.connect("app")) {
      String large = "{\"op\":\"stats\",\"id\":1,\"x\":\"" + "x".repeat(8 << 20) + "\"}";
      peer.sendInBody(large, List.of());
      EpollVertx.await(splicer.undeploy());
    }
  }

  @Test
  void failedStartLeavesNothingOpen() {
    EpollVertx loop = EpollVertx.open();
    try (loop) {
      OxbowOptions options =
          new OxbowOptions(Path.of("/nonexistent/oxbow")).setSplicer(new SplicerOptions());
      Future<String> deployed = loop.vertx().deployVerticle(new SplicerVerticle(options));
      assertThat(catchThrowable(() -> EpollVertx.await(deployed)))
          .hasMessageContaining("/nonexistent/oxbow/splicer.sock");
    }
  }
}
