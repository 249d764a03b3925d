package dev.oxbow.splicer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Splicers that are closed, stopped, started again, or that nobody can reach. */
@DescriptorLeaks
class LifeTest {
  private final Vertx vertx =
      Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setEventLoopPoolSize(3));
  @TempDir private Path directory;

  @AfterEach
  void close() {
    EpollVertx.await(vertx.close());
  }

  private OxbowOptions options() {
    return new OxbowOptions(directory);
  }

  private String start() {
    return EpollVertx.await(vertx.deployVerticle(new SplicerVerticle(options())));
  }

  private Splicer connect(String app) {
    return EpollVertx.await(Splicer.remote(vertx, directory.resolve("splicer.sock"), app));
  }

  private static Relay splice(Splicer splicer, Wire wire, String metadata) {
    SpliceRequest request = new SpliceRequest(wire.a(), wire.b()).setMetadata(RawJson.of(metadata));
    return EpollVertx.await(splicer.splice(request));
  }

  @Test
  void embeddedSplicerThatIsClosedDeliversItsReportsFirst() {
    Splicer splicer = EpollVertx.await(Splicer.embedded(vertx, options()));
    List<Wire> wires = new ArrayList<>();
    List<Relay> relays = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      wires.add(Wire.Pairing.UNIX_UNIX.open());
      relays.add(splice(splicer, wires.get(i), "1"));
    }
    EpollVertx.await(splicer.close());
    for (Relay relay : relays) {
      assertThat(relay.finished().succeeded()).isTrue();
      try (SpliceReport report = relay.finished().result()) {
        assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
      }
    }
    try (Wire wire = Wire.tcp()) {
      assertThatThrownBy(() -> splice(splicer, wire, "1")).isInstanceOf(SplicerException.class);
      assertThat(wire.a().isOpen()).isTrue();
    }
    wires.forEach(Wire::close);
  }

  @Test
  void remoteSplicerThatIsClosedLeavesItsRelaysToTheNextOfTheSameApp() {
    start();
    try (Wire wire = Wire.tcp();
        Wire runs = Wire.tcp()) {
      Splicer first = connect("edge");
      splice(first, wire, "\"ends meanwhile\"");
      Relay stays = splice(first, runs, "\"stays\"");
      EpollVertx.await(first.close());
      assertThatThrownBy(() -> EpollVertx.await(stays.finished()))
          .hasMessageContaining("its relays go on");
      wire.peerA().write("on its way".getBytes(UTF_8));
      assertThat(wire.peerB().read(10)).asString().isEqualTo("on its way");
      wire.peerA().halfClose();
      wire.peerB().halfClose();
      assertThat(wire.peerA().readAll()).isEmpty();

      Splicer other = connect("another");
      List<SpliceReport> strange = new CopyOnWriteArrayList<>();
      other.unclaimedHandler(strange::add);
      List<SpliceReport> unclaimed = new CopyOnWriteArrayList<>();
      Splicer second = EpollVertx.await(connectWith("edge", unclaimed));
      Await.until("the report is collected", () -> unclaimed.size() == 1);
      try (SpliceReport report = unclaimed.get(0)) {
        assertThat(report.metadata()).hasToString("\"ends meanwhile\"");
        assertThat(report.bytesAToB()).isEqualTo(10);
      }
      EpollVertx.await(second.abort(stays.id()));
      Await.until("the other report is there", () -> unclaimed.size() == 2);
      unclaimed.get(1).close();
      assertThat(strange).isEmpty();
      EpollVertx.await(other.close());
      EpollVertx.await(second.close());
    }
  }

  private io.vertx.core.Future<Splicer> connectWith(String app, List<SpliceReport> unclaimed) {
    return Splicer.remote(vertx, directory.resolve("splicer.sock"), app)
        .map(splicer -> splicer.unclaimedHandler(unclaimed::add));
  }

  @Test
  void remoteSplicerReconnectsAfterTheServiceWasStoppedAndStartedAgain() {
    String deployment = start();
    Splicer splicer = connect("edge");
    try (Wire wire = Wire.tcp();
        Wire later = Wire.tcp()) {
      Relay relay = splice(splicer, wire, "1");
      EpollVertx.await(vertx.undeploy(deployment));
      // An orderly stop gives back what was relayed.
      try (SpliceReport report = EpollVertx.await(relay.finished())) {
        assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
      }
      start();
      Relay again = splice(splicer, later, "2");
      EpollVertx.await(splicer.abort(again.id()));
      EpollVertx.await(again.finished()).close();
    }
    EpollVertx.await(splicer.close());
  }

  @Test
  void remoteSplicerThatNobodyServesFailsAtOnce() {
    assertThatThrownBy(() -> connect("edge")).isInstanceOf(SplicerException.class);
  }

  @Test
  void serviceWhoseControlSocketCannotBeMadeLeavesNothingBehind() {
    OxbowOptions nowhere = new OxbowOptions(directory.resolve("does/not/exist"));
    assertThatThrownBy(() -> EpollVertx.await(vertx.deployVerticle(new SplicerVerticle(nowhere))))
        .hasStackTraceContaining("splicer.sock");
    // The rule on descriptors does the rest.
  }

  @Test
  void reportsThatNobodyWantsAreClosed() {
    start();
    Splicer splicer = connect("edge");
    try (Wire wire = Wire.tcp()) {
      splice(splicer, wire, "1");
      EpollVertx.await(splicer.close());
      Splicer next = connect("edge");
      wire.peerA().halfClose();
      wire.peerB().halfClose();
      Await.until(
          "the mailbox is empty", () -> EpollVertx.await(next.stats()).getLong("relays") == 0);
      EpollVertx.await(next.close());
    }
  }
}
