package dev.oxbow.bumblebee;

import dev.oxbow.config.OxbowOptions;
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
}
