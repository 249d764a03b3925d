package dev.oxbow.fish;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.handoff.cargo.Cargo;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** A Fish behind a control socket keeps the promises of all. */
class RemoteFishTest extends FishContract {
  @Override
  Future<Fish> open(Vertx in, OxbowOptions options, Namespace namespace) {
    return in.deployVerticle(new FishVerticle(options, null, namespace)).compose(id -> remote(in));
  }

  @Override
  Future<Fish> inherit(Vertx in, OxbowOptions options, Cargo cargo, Namespace namespace) {
    return Future.succeededFuture(Fish.remote(in, socket(), "app", cargo));
  }

  @Override
  Future<Void> leave(Fish predecessor) {
    return predecessor.close();
  }

  private Future<Fish> remote(Vertx in) {
    return Fish.remote(in, socket(), "app");
  }

  private Path socket() {
    return directory.resolve("fish.sock");
  }

  @Test
  void sessionsGoOnForTheNextLifeOfTheirApp() {
    Pair pair = Pair.open();
    EgressSession session = EpollVertx.await(fish.egress(request(pair.flow(), "20000-20999")));
    EpollVertx.await(fish.close());
    fish = EpollVertx.await(remote(vertx));
    assertThat(EpollVertx.await(SessionPage.all(fish, 10)))
        .extracting(SessionPage.Entry::session)
        .containsExactly(session.id());
    assertUnclaimed(session, pair);
  }
}
