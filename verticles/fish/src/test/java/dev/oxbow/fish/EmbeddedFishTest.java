package dev.oxbow.fish;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/** A Fish in the caller's Vert.x keeps the promises of all. */
class EmbeddedFishTest extends FishContract {
  @Override
  Future<Fish> open(Vertx in, OxbowOptions options, Namespace namespace) {
    return EmbeddedFish.start(in, options, null, namespace);
  }

  @Override
  Future<Fish> inherit(Vertx in, OxbowOptions options, Cargo cargo, Namespace namespace) {
    return EmbeddedFish.start(in, options, cargo, namespace);
  }

  @Override
  Future<Void> leave(Fish predecessor) {
    return ((ServiceVerticle) predecessor.transferable()).abandon();
  }
}
