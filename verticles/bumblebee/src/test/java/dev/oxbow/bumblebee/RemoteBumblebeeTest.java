package dev.oxbow.bumblebee;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/** A Bumblebee behind a control socket keeps the promises of all. */
class RemoteBumblebeeTest extends BumblebeeContract {
  @Override
  Future<Bumblebee> open(Vertx in, OxbowOptions options) {
    return in.deployVerticle(new BumblebeeVerticle(options))
        .compose(
            id -> Bumblebee.remote(in, options.getRuntimeDir().resolve("bumblebee.sock"), "app"));
  }

  @Override
  Future<Bumblebee> inherit(Vertx in, OxbowOptions options, Cargo cargo) {
    return Future.succeededFuture(
        Bumblebee.remote(in, options.getRuntimeDir().resolve("bumblebee.sock"), "app", cargo));
  }

  @Override
  Future<Void> leave(Bumblebee predecessor) {
    return predecessor.close();
  }
}
