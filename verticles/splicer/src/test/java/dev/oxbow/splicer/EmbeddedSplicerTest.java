package dev.oxbow.splicer;

import dev.oxbow.config.OxbowOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import org.junit.jupiter.api.Nested;

/** A Splicer in the caller's Vert.x keeps the promises of all. */
class EmbeddedSplicerTest {

  private abstract static class Contract extends SplicerContract {
    Contract(int loops) {
      super(loops);
    }

    @Override
    Future<Splicer> open(Vertx in, OxbowOptions options) {
      return Splicer.embedded(in, options);
    }
  }

  @Nested
  class OnOneLoop extends Contract {
    OnOneLoop() {
      super(1);
    }
  }

  @Nested
  class OnTwoLoops extends Contract {
    OnTwoLoops() {
      super(2);
    }
  }
}
