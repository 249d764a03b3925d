package dev.oxbow.fish;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.device.Namespace;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/** A Fish in the caller's Vert.x keeps the promises of all. */
class EmbeddedFishTest extends FishContract {
  @Override
  Future<Fish> open(Vertx in, OxbowOptions options, Namespace namespace) {
    return EmbeddedFish.start(in, options, namespace);
  }
}
