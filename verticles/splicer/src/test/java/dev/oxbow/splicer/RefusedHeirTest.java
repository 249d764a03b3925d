package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A successor that does not understand all that it is handed. What it was given stays open until
 * its process ends, so descriptors are not counted here.
 */
class RefusedHeirTest {
  @TempDir Path directory;

  @Test
  void leavesTheSocketToItsPredecessor() {
    OxbowOptions options = new OxbowOptions(directory).setSplicer(new SplicerOptions());
    Path socket = directory.resolve("splicer.sock");
    Vertx here = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    Vertx there = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    try (Descriptor unknown = Memfd.open("unknown", 1)) {
      SplicerVerticle first = new SplicerVerticle(options);
      EpollVertx.await(here.deployVerticle(first));
      try (ControlPeer connected = ControlPeer.connect(socket).hello("app", false);
          Cargo lent = EpollVertx.await(first.freeze())) {
        Cargo given = new Cargo().give("unknown", unknown.duplicate());
        lent.names().forEach(name -> given.give(name, lent.get(name).duplicate()));

        assertThatThrownBy(
                () -> EpollVertx.await(there.deployVerticle(new SplicerVerticle(options, given))))
            .hasMessageContaining("not understood: [unknown]");

        EpollVertx.await(first.thaw());
        assertThat(connected.stats().getLong("relays")).isZero();
        try (ControlPeer next = ControlPeer.connect(socket).hello("next", false)) {
          assertThat(next.stats().getLong("relays")).isZero();
        }
      }
    } finally {
      EpollVertx.await(there.close());
      EpollVertx.await(here.close());
    }
  }
}
