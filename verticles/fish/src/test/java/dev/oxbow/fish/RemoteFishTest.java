package dev.oxbow.fish;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fish.session.EndReason;
import dev.oxbow.handoff.cargo.Cargo;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A Fish behind a control socket keeps the promises of all. */
class RemoteFishTest extends FishContract {
  @Override
  Future<Fish> open(Vertx in, OxbowOptions options, Namespace namespace) {
    return in.deployVerticle(new FishVerticle(options, null, namespace)).compose(id -> remote(in));
  }

  private Future<Fish> remote(Vertx in) {
    return Fish.remote(in, directory.resolve("fish.sock"), "app");
  }

  @Test
  void sessionsGoOnForTheNextLifeOfTheirApp() {
    Pair pair = Pair.open();
    EgressSession session = EpollVertx.await(fish.egress(request(pair.flow(), "20000-20999")));
    EpollVertx.await(fish.close());
    Fish next = EpollVertx.await(remote(vertx));
    assertThat(EpollVertx.await(SessionPage.all(next, 10)))
        .extracting(SessionPage.Entry::session)
        .containsExactly(session.id());

    try (Cargo lent = EpollVertx.await(next.transferable().freeze());
        Cargo given = new Cargo()) {
      lent.names().forEach(name -> given.give(name, lent.get(name).duplicate()));
      fish = Fish.remote(vertx, directory.resolve("fish.sock"), "app", given);
      EpollVertx.await(next.close());
    }
    Promise<SessionReport> report = Promise.promise();
    fish.unclaimedHandler(report::complete);
    EpollVertx.await(fish.transferable().thaw());
    Descriptor.closeAll(List.of(pair.other()));
    try (SessionReport closed = EpollVertx.await(report.future())) {
      assertThat(closed.session()).isEqualTo(session.id());
      assertThat(closed.reason()).isEqualTo(EndReason.EOF);
    }
  }
}
