package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.LossyPath;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Future;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What {@link Splicer#splice} says of a request whose answer was lost. */
@DescriptorLeaks
final class LostAnswerTest {
  private final Queue<SpliceReport> unclaimed = new ConcurrentLinkedQueue<>();
  private EpollVertx vertx;
  private ServedSplicer served;
  private LossyPath way;
  private Splicer splicer;

  @BeforeEach
  void open() throws Exception {
    vertx = EpollVertx.open();
    served = ServedSplicer.start();
    way = new LossyPath(served.directory().resolve("lossy.sock"), served.socket());
    splicer =
        EpollVertx.await(
            Splicer.remote(vertx.vertx(), served.directory().resolve("lossy.sock"), "app"));
    splicer.unclaimedHandler(unclaimed::add);
  }

  @AfterEach
  void close() {
    EpollVertx.await(splicer.close());
    vertx.close();
    way.close();
    served.close();
  }

  private void spliceAndLose(StreamPair one, StreamPair two) {
    SpliceRequest request = new SpliceRequest(one.near(), two.near()).setMetadata((Object) "mine");
    Future<Relay> lost = splicer.splice(request);
    Await.until("the connection is lost", lost::failed);
    assertThat(lost.cause())
        .isInstanceOfSatisfying(
            SplicerException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
              assertThat(e.outcomeOpen()).isTrue();
            });
    assertThat(one.near().isOpen() && two.near().isOpen()).isTrue();
    one.near().close();
    two.near().close();
  }

  @Test
  void relayThatWasStartedGoesOnAndIsReportedAsUnclaimed() {
    way.lose("\"relay\":");
    try (StreamPair one = StreamPair.tcp4();
        StreamPair two = StreamPair.tcp4()) {
      spliceAndLose(one, two);
      TestPeer left = new TestPeer(one.far());
      TestPeer right = new TestPeer(two.far());
      left.write(new byte[1000]);
      assertThat(right.read(1000)).hasSize(1000);
      left.halfClose();
      right.halfClose();
      Await.until("its report came", () -> !unclaimed.isEmpty());
      try (SpliceReport report = unclaimed.remove()) {
        assertThat(report.reason()).isEqualTo(EndReason.EOF);
        assertThat(report.metadata()).hasToString("\"mine\"");
        assertThat(report.bytesAToB()).isEqualTo(1000);
      }
    }
  }

  @Test
  void withoutARelayTheConnectionsEndWhenTheirOwnerClosesThem() {
    way.lose("\"splice\"");
    try (StreamPair one = StreamPair.tcp4();
        StreamPair two = StreamPair.tcp4()) {
      spliceAndLose(one, two);
      assertThat(new TestPeer(one.far()).readAll()).isEmpty();
      assertThat(new TestPeer(two.far()).readAll()).isEmpty();
    }
    assertThat(EpollVertx.await(splicer.list(null, 1)).relays()).isEmpty();
  }

  @Test
  void refusalLeavesNothingOpen() {
    try (StreamPair one = StreamPair.tcp4()) {
      Future<Relay> refused = splicer.splice(new SpliceRequest(one.near(), one.near()));
      Await.until("it is refused", refused::failed);
      assertThat(refused.cause())
          .isInstanceOfSatisfying(
              SplicerException.class, e -> assertThat(e.outcomeOpen()).isFalse());
    }
  }
}
