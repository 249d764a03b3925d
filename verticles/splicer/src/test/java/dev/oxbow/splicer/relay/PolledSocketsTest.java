package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.splicer.load.Wire;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A loop is woken for what a relay waits for, and for nothing else. */
@DescriptorLeaks
class PolledSocketsTest {
  private final List<String> told = new CopyOnWriteArrayList<>();
  private EpollVertx vertx;
  private Wire wire;
  private RelayLoop loop;
  private PolledSockets sockets;

  @BeforeEach
  void register() {
    vertx = EpollVertx.open();
    wire = Wire.tcp();
    sockets = new PolledSockets();
    DescriptorLoop descriptors = DescriptorLoop.of(vertx.context());
    loop =
        new RelayLoop(
            descriptors,
            descriptors,
            (uid, strays) -> Descriptor.closeAll(strays),
            0,
            0,
            PipeShare.unlimited(),
            0);
    RelaySpec spec = PlaneStage.unstarted(loop, wire).spec();
    vertx.run(() -> sockets.register(loop, spec, teller(Side.A), teller(Side.B)));
  }

  private Readiness teller(Side side) {
    return events -> told.add(side + name(events));
  }

  @AfterEach
  void close() {
    vertx.run(sockets::cancel);
    vertx.run(loop::close);
    vertx.close();
    wire.close();
  }

  private static String name(int events) {
    return ((events & Readiness.EPOLLIN) != 0 ? " in" : "")
        + ((events & Readiness.EPOLLOUT) != 0 ? " out" : "");
  }

  /** What epoll knows by now has been told: tasks come after events. */
  private List<String> toldSoFar() {
    vertx.run(() -> {});
    return told;
  }

  @Test
  void tellsWhatCanBeReadAndNotThatItCouldWrite() {
    assertThat(toldSoFar()).isEmpty();
    wire.peerA().write(new byte[1]);
    Await.until("told", () -> !told.isEmpty());
    assertThat(toldSoFar()).containsExactly("A in");
  }

  @Test
  void dataDoNotWakeTheLoopWhileItsDestinationIsAwaited() {
    vertx.run(() -> sockets.awaitWritable(Side.B));
    Await.until("told", () -> told.contains("B out"));
    told.clear();
    for (int i = 0; i < 10; i++) {
      wire.peerA().write(new byte[1]);
      assertThat(toldSoFar()).isEmpty();
    }
    vertx.run(() -> sockets.awaitReadable(Side.A));
    Await.until("told", () -> told.contains("A in"));
    assertThat(toldSoFar()).containsExactly("A in");
  }

  @Test
  void theOtherDirectionIsToldOfItsDataMeanwhile() {
    vertx.run(() -> sockets.awaitWritable(Side.B));
    Await.until("told", () -> told.contains("B out"));
    told.clear();
    wire.peerB().write(new byte[1]);
    Await.until("told", () -> !told.isEmpty());
    assertThat(toldSoFar()).containsExactly("B in out");
  }

  @Test
  void anEndIsToldAlsoWhileTheDestinationIsAwaited() {
    vertx.run(() -> sockets.awaitWritable(Side.B));
    wire.pairA().far().close();
    Await.until("told", () -> told.stream().anyMatch(what -> what.startsWith("A")));
  }
}
