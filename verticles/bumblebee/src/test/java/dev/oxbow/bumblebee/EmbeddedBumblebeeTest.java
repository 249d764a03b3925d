package dev.oxbow.bumblebee;

import dev.oxbow.config.OxbowOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/** A Bumblebee in the caller's Vert.x keeps the promises of all. */
class EmbeddedBumblebeeTest extends BumblebeeContract {
  @Override
  Future<Bumblebee> open(Vertx in, OxbowOptions options) {
    return Bumblebee.embedded(in, options);
  }
}
