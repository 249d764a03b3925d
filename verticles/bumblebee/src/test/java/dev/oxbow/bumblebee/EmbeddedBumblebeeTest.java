package dev.oxbow.bumblebee;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/** A Bumblebee in the caller's Vert.x keeps the promises of all. */
class EmbeddedBumblebeeTest extends BumblebeeContract {
  @Override
  Future<Bumblebee> open(Vertx in, OxbowOptions options) {
    return Bumblebee.embedded(in, options);
  }

  @Override
  Future<Bumblebee> inherit(Vertx in, OxbowOptions options, Cargo cargo) {
    return Bumblebee.embedded(in, options, cargo);
  }

  @Override
  Future<Void> leave(Bumblebee predecessor) {
    TransferableBumblebee old = (TransferableBumblebee) predecessor.transferable();
    return ((ServiceVerticle) old.source())
        .abandon()
        .onSuccess(v -> ((ConnectionStream) predecessor.connections()).end());
  }
}
